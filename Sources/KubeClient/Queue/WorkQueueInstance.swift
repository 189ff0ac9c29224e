import Primitives

/// The rules of a work queue (client-go `util/workqueue`): a key waits at most once, is worked on by at most one worker, and
/// if it is added while it is worked on it comes again afterwards. Keys may be added for later; failed ones come again after
/// a pause that doubles per key. Pure.
struct WorkQueueInstance: Sendable {
  struct Later: Comparable, Sendable {
    var at: MonotonicTime
    var key: String
    static func < (left: Self, right: Self) -> Bool { (left.at.nanoseconds, left.key) < (right.at.nanoseconds, right.key) }
  }

  let limits: WorkQueueLimits
  /// Waiting, in order; `head` is the first that was not taken.
  private var line: [String] = []
  private var head: Int = 0
  private var waiting: Set<String> = []
  private var inProcess: Set<String> = []
  /// Added again while in process.
  private var again: Set<String> = []
  private var later: Heap<Later> = Heap()
  private var due: [String: MonotonicTime] = [:]
  private var failures: [String: Int] = [:]
  private(set) var dropped: Int = 0

  init(limits: WorkQueueLimits) { self.limits = limits }

  var count: Int { waiting.count }
  var countLater: Int { due.count }
  var countInProcess: Int { inProcess.count }

  /// False when the key was there already, or the queue is full (then it is counted in `dropped`).
  @discardableResult
  mutating func add(_ key: String) -> Bool {
    if inProcess.contains(key) { return again.insert(key).inserted }
    guard !waiting.contains(key) else { return false }
    guard waiting.count < limits.keys else {
      dropped += 1
      return false
    }
    waiting.insert(key)
    line.append(key)
    return true
  }

  /// A key that is due earlier already keeps its earlier time.
  mutating func add(_ key: String, at: MonotonicTime) {
    if let present: MonotonicTime = due[key], present <= at { return }
    guard due[key] != nil || due.count < limits.keys else {
      dropped += 1
      return
    }
    due[key] = at
    later.push(Later(at: at, key: key))
  }

  /// Moves what is due into the line. Returns when to call again; nil if nothing waits for a time.
  mutating func onTick(_ now: MonotonicTime) -> MonotonicTime? {
    while let first: Later = later.first {
      guard due[first.key] == first.at else {  // superseded by an earlier time and done
        later.pop()
        continue
      }
      guard first.at <= now else { return first.at }
      later.pop()
      due[first.key] = nil
      add(first.key)
    }
    return nil
  }

  /// The next key, now in process until `onDone`.
  mutating func take() -> String? {
    guard head < line.count else { return nil }
    let key: String = line[head]
    head += 1
    if head == line.count || head > 1024 && head * 2 > line.count {
      line.removeFirst(head)
      head = 0
    }
    waiting.remove(key)
    inProcess.insert(key)
    return key
  }

  mutating func onDone(_ key: String) {
    precondition(inProcess.remove(key) != nil, "work on \(key) ended, which nobody had begun")
    if again.remove(key) != nil { add(key) }
  }

  /// The pause before the key's next try: 5 ms, 10 ms, … (client-go `DefaultTypedControllerRateLimiter`).
  mutating func onFailure(_ key: String) -> Duration {
    let count: Int = failures[key, default: 0]
    failures[key] = count + 1
    let doubled: Duration = limits.firstRetry * Int(1 << min(count, 40))
    return min(doubled, limits.longestRetry)
  }

  mutating func forget(_ key: String) { failures[key] = nil }
  func failureCount(_ key: String) -> Int { failures[key] ?? 0 }
}

/// Limits of one work queue.
public struct WorkQueueLimits: Sendable {
  /// First pause after a failure; doubles per failure of the same key.
  public var firstRetry: Duration
  public var longestRetry: Duration
  /// Keys that may wait.
  public var keys: Int

  public init(firstRetry: Duration = .milliseconds(5), longestRetry: Duration = .seconds(1000), keys: Int = KubeClientLimits.queuedKeys) {
    precondition(firstRetry > .zero && longestRetry >= firstRetry && keys > 0)
    self.firstRetry = firstRetry
    self.longestRetry = longestRetry
    self.keys = keys
  }
}
