import Dispatch
import Glibc
import Lab
import Primitives
import Processes

/// Every target for a part of the time, each in a process of its own, as many at once as asked. An input that ends a process, or from which
/// it does not come back, is made smaller by trying parts of it in further processes, and kept.
public struct FuzzSession: Sendable {
  public struct Result: Sendable {
    public var target: String
    public var inputs: Int = 0
    public var accepted: Int = 0
    /// Processor time of the slowest input, in microseconds.
    public var slowest: Int = 0
    public var finding: String?
    /// Where the smallest input that shows it lies.
    public var file: String?
  }

  public var targets: [FuzzTarget]
  public var seed: UInt64
  /// Of each target.
  public var seconds: Double
  public var workers: Int
  /// Where inputs are kept; made if it is not there.
  public var directory: String
  /// This program, with what makes it a worker: `[program, "fuzz"]`.
  public var command: [String]
  public var progress: @Sendable (Result) -> Void = { _ in }

  /// Processes that one input's minimising may start.
  private static let attempts: Int = 200
  /// Seconds without a new input after which a worker is ended; busy machines are slow, so this is long.
  private static let patience: Int = 30

  public init(targets: [FuzzTarget], seed: UInt64, seconds: Double, workers: Int, directory: String, command: [String]) {
    self.targets = targets
    self.seed = seed
    self.seconds = seconds
    self.workers = workers
    self.directory = directory
    self.command = command
  }

  public func run() async throws -> [Result] {
    try LabDirectory.make(directory)
    return try await withThrowingTaskGroup(of: Result.self) { group in
      var waiting: ArraySlice<FuzzTarget> = targets[...]
      var results: [Result] = []
      for _ in 0..<max(1, workers) {
        if let target: FuzzTarget = waiting.popFirst() { group.addTask { try await feed(target) } }
      }
      while let result: Result = try await group.next() {
        results.append(result)
        progress(result)
        if let target: FuzzTarget = waiting.popFirst() { group.addTask { try await feed(target) } }
      }
      let order: [String] = targets.map(\.name)
      return results.sorted { order.firstIndex(of: $0.target) ?? 0 < order.firstIndex(of: $1.target) ?? 0 }
    }
  }

  private func feed(_ target: FuzzTarget) async throws -> Result {
    let path = "\(directory)/\(target.name)"
    for suffix in ["", ".input", ".finding", ".counts", ".log"] { unlink(path + suffix) }
    let slot = try FuzzSlot(path: path)
    let words: [String] = ["--worker", target.name, "--seed", "\(seed)", "--seconds", "\(seconds)", "--slot", path]
    let pid: pid_t = try startDetached(command + words, log: path + ".log")
    let status: Int32? = await Self.wait(pid) { slot.number }
    var result = Result(target: target.name)
    let counts: [Int] = (LabDirectory.read(path + ".counts") ?? "").split(separator: " ").compactMap { Int($0) }
    if counts.count == 3 { (result.inputs, result.accepted, result.slowest) = (counts[0], counts[1], counts[2]) }
    var input: Bytes = slot.input
    switch status {
    case 0: break
    case FuzzWorker.found << 8:
      result.finding = LabDirectory.read(path + ".finding")
      input = LabDirectory.read(path + ".input").map { _ in Self.bytes(path + ".input") } ?? input
    case nil: result.finding = "the decoder did not come back from an input of \(input.count) bytes"
    case let status?:
      result.inputs = Int(slot.number)
      let said: String = (LabDirectory.read(path + ".log") ?? "").split(separator: "\n").first.map(String.init) ?? ""
      let signal: Int32 = status & 0x7F
      result.finding = signal == 0 ? "the worker ended with status \(status >> 8 & 0xFF): \(said)" : "signal \(signal): \(said)"
      if signal != 0 { input = await minimised(input, of: target, signal: signal) }
    }
    if result.finding != nil {
      let file = "\(directory)/\(target.name)-\(seed).bin"
      try FuzzFiles.write(input, to: file)
      result.file = file
    }
    for suffix in ["", ".input", ".finding", ".counts", ".log"] { unlink(path + suffix) }
    return result
  }

  private static func bytes(_ path: String) -> Bytes {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes = Bytes(repeating: 0, count: Mutator.inputLimit)
    let count: Int = Glibc.read(file, &bytes, bytes.count)
    return Bytes(bytes.prefix(max(0, count)))
  }

  /// The status it ended with; nil: it did not get on and was killed.
  private static func wait(_ pid: pid_t, _ number: () -> UInt64) async -> Int32? {
    let clock = SystemClock()
    var last: (number: UInt64, at: MonotonicTime) = (number(), clock.now())
    var status: Int32 = 0
    while waitpid(pid, &status, WNOHANG) == 0 {
      let now: MonotonicTime = clock.now()
      if number() != last.number { last = (number(), now) }
      if now - last.at > .seconds(patience) {
        kill(-pid, SIGKILL)
        waitpid(pid, &status, 0)
        return nil
      }
      try? await Task.sleep(for: .milliseconds(50))
    }
    return status
  }

  private func minimised(_ input: Bytes, of target: FuzzTarget, signal: Int32) async -> Bytes {
    let path = "\(directory)/\(target.name).try"
    defer { unlink(path) }
    let command: [String] = command + ["--target", target.name, "--input", path]
    return await withCheckedContinuation { continuation in
      // Processes are waited for on a thread of its own.
      DispatchQueue.global().async {
        let smallest: Bytes = FuzzRun.minimised(input, attempts: Self.attempts) { candidate in
          guard (try? FuzzFiles.write(candidate, to: path)) != nil else { return false }
          let outcome: Command.Outcome? = try? Command(command, timeout: .seconds(20)).runBlocking()
          return outcome?.status == 128 + signal
        }
        continuation.resume(returning: smallest)
      }
    }
  }
}
