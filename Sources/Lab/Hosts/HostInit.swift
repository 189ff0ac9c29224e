import Glibc
import Logging
import Primitives
import Processes

/// The first process of a lab's host: starts the host's services, starts them again when they end, reaps whatever loses its
/// parent. With namespaces it is process 1 of the host's own PID namespace, so SIGKILL to it is the host's power failing: the
/// kernel ends every process of the host, containers included, at once.
public struct HostInit {
  public struct Service: Sendable {
    public var name: String
    public var arguments: [String]
    public init(name: String, arguments: [String]) {
      self.name = name
      self.arguments = arguments
    }
  }

  private struct Running {
    var service: Service
    var pid: pid_t = 0
    var startAt = MonotonicTime(nanoseconds: 0)
    var startedAt = MonotonicTime(nanoseconds: 0)
    var pause: Duration = .milliseconds(200)
  }

  let directory: LabDirectory
  let host: HostName
  let logger: Logger

  public init(directory: LabDirectory, host: HostName, logger: Logger) {
    self.directory = directory
    self.host = host
    self.logger = logger
  }

  private var holds: Holds { Holds(directory, host) }

  static func encode(_ services: [Service]) -> String {
    services.map { ([$0.name] + $0.arguments).joined(separator: "\t") }.joined(separator: "\n") + "\n"
  }
  static func decode(_ text: String) -> [Service] {
    text.split(separator: "\n").map { line in
      let words: [String] = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      return Service(name: words[0], arguments: Array(words.dropFirst()))
    }
  }

  /// Runs until SIGTERM; then ends the services in reverse order and returns.
  public func run() throws {
    if getpid() == 1 { try makeOwnFolders() }
    guard let text: String = LabDirectory.read(directory.services(host)) else {
      throw LabError(.missing, "\(directory.services(host)) is missing: host \(host) has no services to run.")
    }
    var services: [Running] = Self.decode(text).map { Running(service: $0) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGCHLD, SIGTERM, SIGINT] { sigaddset(&signals, signal) }
    sigprocmask(SIG_BLOCK, &signals, nil)
    let clock = SystemClock()
    // A host of a copy ends with the copy's lease, whoever is dead by then; the kernel takes what it started with it.
    let lease: CopyLease? = directory.isCopy ? CopyLease(directory) : nil
    while true {
      let now: MonotonicTime = clock.now()
      if lease?.isOver(now) == true {
        logger.notice("the copy's lease is over: this host ends")
        return
      }
      for index in services.indices where services[index].pid == 0 && services[index].startAt <= now {
        if !holds.isHeld(services[index].service.name, now: now) { start(&services[index], now) }
      }
      var timeout = timespec(tv_sec: 0, tv_nsec: 100_000_000)
      let signal: Int32 = sigtimedwait(&signals, nil, &timeout)
      reap(&services, clock.now())
      if signal == SIGTERM || signal == SIGINT { break }
    }
    stop(&services)
  }

  private func start(_ running: inout Running, _ now: MonotonicTime) {
    let log: String = directory.log("\(host)-\(running.service.name)")
    rotate(log)
    do {
      var arguments: [String] = running.service.arguments
      if let seconds: Int64 = holds.clock(running.service.name, now: now) {
        arguments =
          ["unshare", "--time", "--fork", "--kill-child", "--monotonic", "\(seconds)", "--boottime", "\(seconds)"] + arguments
      }
      running.pid = try startDetached(arguments, log: log)
      running.startedAt = now
      logger.info("service started", metadata: ["service": "\(running.service.name)", "pid": "\(running.pid)"])
    } catch {
      running.startAt = now + .seconds(2)
      logger.error("service cannot be started", metadata: ["service": "\(running.service.name)", "reason": "\(error)"])
    }
  }

  private func rotate(_ log: String) {
    var status = stat()
    if stat(log, &status) == 0, status.st_size > Limits.logBytes { rename(log, "\(log).old") }
  }

  private func reap(_ services: inout [Running], _ now: MonotonicTime) {
    var status: Int32 = 0
    while true {
      let pid: pid_t = waitpid(-1, &status, WNOHANG)
      guard pid > 0 else { return }
      guard let index: Int = services.firstIndex(where: { $0.pid == pid }) else { continue }
      // A service that ran for a while starts again soon; one that ends at once waits longer each time, up to five seconds.
      let ran: Duration = now - services[index].startedAt
      services[index].pause = ran > .seconds(10) ? .milliseconds(200) : min(services[index].pause * 2, .seconds(5))
      services[index].pid = 0
      services[index].startAt = now + services[index].pause
      let cause: String = status & 0x7F == 0 ? "exit status \((status >> 8) & 0xFF)" : "signal \(status & 0x7F)"
      logger.warning("service ended", metadata: ["service": "\(services[index].service.name)", "cause": "\(cause)"])
    }
  }

  private func stop(_ services: inout [Running]) {
    let clock = SystemClock()
    for index in services.indices.reversed() where services[index].pid != 0 {
      kill(services[index].pid, SIGTERM)
      let deadline: MonotonicTime = clock.now() + .seconds(5)
      while clock.now() < deadline, waitpid(services[index].pid, nil, WNOHANG) == 0 { usleep(20_000) }
      kill(-services[index].pid, SIGKILL)
    }
  }

  /// This mount namespace's own `/run` (fresh at every start, as after a reboot) and `/var/lib` (kept in the lab's folder): what
  /// containerd, runc and CNI keep there goes nowhere else.
  private func makeOwnFolders() throws {
    let kept = "\(directory.host(host))/var-lib"
    for folder in ["/run", "/var/lib"] where directory.path.hasPrefix(folder + "/") {
      throw LabError(.badInput, "A lab cannot lie below \(folder), which every host of it has for itself: \(directory.path).")
    }
    try LabDirectory.make(kept)
    // As on any machine: who is not root passes through it.
    chmod(kept, 0o755)
    try Command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run").runBlockingChecked()
    try Command("mount", "--bind", kept, "/var/lib").runBlockingChecked()
    if directory.hasOwnDisks { try mountOwnDisk() }
  }

  /// The center daemon's data on a disk that nobody else has. What a fault filled it with goes with a restart.
  private func mountOwnDisk() throws {
    let (image, folder): (String, String) = (directory.diskImage(host), "\(directory.host(host))/center")
    try LabDirectory.make(folder)
    if !LabDirectory.exists(image) {
      let new = "\(image).new"
      try Command("truncate", "-s", "\(OwnDisk.megabytes)M", new).runBlockingChecked()
      try Command("mkfs.ext4", "-q", "-F", new).runBlockingChecked()
      rename(new, image)
    }
    try Command("mount", "-o", "loop,noatime", image, folder).runBlockingChecked()
    unlink("\(folder)/\(OwnDisk.filler)")
  }
}
