import Glibc
import Primitives

/// One target in a process of its own, bounded in memory and, per input, in time. Ends with status 0 after its time, with `found` when an
/// input broke a rule; a trap ends it by a signal. What it counted, and what it found, it leaves in files beside its slot.
public enum FuzzWorker {
  public static let found: Int32 = 3
  /// Processor time of one input.
  static let inputSeconds: Double = 1
  /// Memory that one input may make the process grow by.
  static let inputKiB: Int = 256 << 10
  /// Address space of the process.
  static let processBytes: UInt = 4 << 30

  public static func run(_ target: FuzzTarget, seed: UInt64, seconds: Double, slot path: String) throws -> Int32 {
    var limit = rlimit(rlim_cur: processBytes, rlim_max: processBytes)
    setrlimit(9, &limit)  // RLIMIT_AS
    let slot = try FuzzSlot(path: path)
    var run = FuzzRun(target, seed: seed)
    let clock = SystemClock()
    let deadline: MonotonicTime = clock.now() + .nanoseconds(Int64(seconds * 1e9))
    var number: UInt64 = 0
    var slowest: Double = 0
    var memory: Int = residentKiB()
    while clock.now() < deadline {
      let isCorpus: Bool = number < UInt64(target.corpus.count)
      let input: Bytes = run.next()
      number += 1
      slot.put(input, number: number)
      let begin: Double = processorSeconds()
      var finding: FuzzRun.Found?
      do throws(FuzzRun.Found) { try run.feed(input, mustBeTaken: isCorpus) } catch { finding = error }
      let took: Double = processorSeconds() - begin
      slowest = max(slowest, took)
      let grown: Int = residentKiB()
      if finding == nil, took > inputSeconds {
        finding = FuzzRun.Found(finding: FuzzFinding("an input of \(input.count) bytes takes \(took) s of processor time"), input: input)
      }
      if finding == nil, grown - memory > inputKiB {
        finding = FuzzRun.Found(
          finding: FuzzFinding("an input of \(input.count) bytes takes \((grown - memory) >> 10) MiB of memory"), input: input)
      }
      memory = max(memory, grown)
      guard let finding else { continue }
      try FuzzFiles.write(finding.input, to: path + ".input")
      try FuzzFiles.write(Bytes(finding.finding.sentence), to: path + ".finding")
      break
    }
    try FuzzFiles.write(Bytes("\(run.inputs) \(run.accepted) \(Int(slowest * 1e6))"), to: path + ".counts")
    return access(path + ".finding", F_OK) == 0 ? found : 0
  }

  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static func residentKiB() -> Int {
    var usage = rusage()
    getrusage(0, &usage)  // RUSAGE_SELF
    return usage.ru_maxrss
  }
}

enum FuzzFiles {
  static func write(_ bytes: Bytes, to path: String) throws {
    let file: Int32 = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw TortureError(.ground, "\(path) cannot be written: \(String(cString: strerror(errno))).") }
    defer { close(file) }
    var written: Int = 0
    while written < bytes.count {
      let count: Int = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, bytes.count - written) }
      guard count > 0 else { throw TortureError(.ground, "\(path) cannot be written: \(String(cString: strerror(errno))).") }
      written += count
    }
  }
}
