import Glibc
import Logging
import Primitives
import Processes
import Site

/// Undoes faults whose lease has run out, and lets disks go that stand still for their time: a process of the lab's own that needs nobody.
/// It is two: the outer one starts the inner one again when that dies, so whoever wants a fault to stay has to end both at one instant;
/// then the next command about faults starts them anew.
public struct FaultKeeper {
  private struct Pulse {
    /// Those that stand still now.
    var still: [StillDisk] = []
    var next: MonotonicTime
  }
  private let lab: Lab
  private let logger: Logger
  private var pulses: [String: Pulse] = [:]
  private let clock = SystemClock()

  public init(lab: Lab, logger: Logger) {
    self.lab = lab
    self.logger = logger
  }

  /// The outer process: until it is ended.
  public static func supervise(_ command: [String], log: String) throws -> Never {
    while true {
      let pid: pid_t = try startDetached(command, log: log)
      while waitpid(pid, nil, 0) < 0, errno == EINTR {}
      usleep(50_000)
    }
  }

  /// The inner process: until it is ended.
  public mutating func run() -> Never {
    let records = FaultRecords(lab)
    // What a predecessor left standing still goes on.
    for record in records.all() where record.handle.fault.kind == .slowDisk {
      for host in record.handle.fault.hosts(lab.site) { if let path: String = lab.diskPath(of: host) { DiskEffect.letGo(path) } }
    }
    while true {
      let all: [FaultHandle] = records.all().map(\.handle)
      let now: MonotonicTime = clock.now()
      for handle in all where handle.until <= now { expire(handle, records) }
      for handle in all where handle.fault.kind == .slowDisk && handle.until > now { beat(handle, now) }
      for id in pulses.keys where !all.contains(where: { $0.id == id }) { pulses.removeValue(forKey: id)?.still.forEach { $0.letGo() } }
      usleep(10_000)
    }
  }

  private func expire(_ handle: FaultHandle, _ records: FaultRecords) {
    do {
      try records.locked {
        // Renewed or undone meanwhile?
        guard let known: FaultHandle = records.read(handle.id)?.handle, known.until <= clock.now() else { return }
        let said: String = try known.fault.kind.effect.init(lab, known.fault).end(known)
        records.remove(known.id)
        logger.notice("a fault was not renewed and is undone", metadata: ["fault": "\(known.fault)", "said": "\(said)"])
      }
    } catch {
      logger.error("a fault cannot be undone, trying again", metadata: ["fault": "\(handle.fault)", "reason": "\(error)"])
      usleep(200_000)
    }
  }

  private mutating func beat(_ handle: FaultHandle, _ now: MonotonicTime) {
    let parameters: [String: String] = handle.fault.parameters
    guard let stall: Duration = parameters["stall"].flatMap({ Duration(siteText: $0) }),
      let every: Duration = parameters["every"].flatMap({ Duration(siteText: $0) })
    else { return }
    var pulse: Pulse = pulses[handle.id] ?? Pulse(next: now)
    guard pulse.next <= now else { return }
    if pulse.still.isEmpty {
      let disks: [StillDisk] = handle.fault.hosts(lab.site).compactMap { lab.diskPath(of: $0) }.compactMap { StillDisk($0) }
      pulse.still = disks.filter { disk in
        let isStill: Bool = disk.standStill()
        if !isStill { disk.letGo() }
        return isStill
      }
      pulse.next = clock.now() + (pulse.still.isEmpty ? .milliseconds(100) : stall)
    } else {
      for disk in pulse.still { disk.letGo() }
      pulse.still = []
      pulse.next = now + max(.milliseconds(10), every - stall)
    }
    pulses[handle.id] = pulse
  }
}

extension Lab {
  /// Starts the fault keeper where it does not run.
  func bringUpFaultKeeper() throws {
    guard processes.daemon("fault-keeper") == nil else { return }
    _ = try startDetached([program, "lab", "fault-keeper", "--directory", directory.path], log: directory.log("fault-keeper"))
  }
}
