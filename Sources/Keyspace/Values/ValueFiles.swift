import Primitives
import Synchronization

/// Where values go that memory shall not hold: see `ValueSegment`. Shared by all copies of a keyspace; `nil` in a keyspace (simulations,
/// tools) keeps
/// everything in memory. A value that no file takes stays in memory, so a full or broken disk costs memory here and nothing else.
public final class ValueFiles: Sendable {
  private struct State: Sendable {
    var current: ValueSegment?
    var sealed: [WeakSegment] = []
    /// Values that stay in memory before a file is tried again, after one could not be written.
    var patience: Int = 0
  }
  private struct WeakSegment: Sendable {
    weak let segment: ValueSegment?
  }
  let directory: String
  private let isUnreadable = Atomic<Bool>(false)
  private let firstProblem: Mutex<KeyspaceError?> = Mutex(nil)
  /// Values stay in memory until these are used up.
  let memoryBytes: Int
  private let state: Mutex<State> = Mutex(State())
  private let live = Atomic<Int>(0)

  /// `memoryBytes`: of keys and values together; what is beyond goes to files in `directory`.
  public init(directory: String, memoryBytes: Int) {
    self.directory = directory
    self.memoryBytes = memoryBytes
  }

  /// Bytes of values in files.
  public var liveBytes: Int { live.load(ordering: .relaxed) }

  /// For good: what was read with the value that is missing cannot be told apart any more. From any thread.
  public var problem: KeyspaceError? { isUnreadable.load(ordering: .acquiring) ? firstProblem.withLock { $0 } : nil }

  func noteUnreadable(_ sentence: String) {
    firstProblem.withLock { $0 = $0 ?? KeyspaceError(.corrupt, sentence) }
    isUnreadable.store(true, ordering: .releasing)
  }

  func store(_ value: Bytes) -> (segment: ValueSegment, offset: Int)? {
    state.withLock { state in
      if state.patience > 0 {
        state.patience -= 1
        return nil
      }
      guard let segment: ValueSegment = state.current ?? ValueSegment(directory: directory) else {
        state.patience = KeyspaceLimits.valuePatience
        return nil
      }
      state.current = segment
      let (offset, isUsable): (Int, Bool) = segment.append(value)
      if !isUsable {
        segment.seal()
        state.sealed.append(WeakSegment(segment: segment))
        state.current = nil
      }
      return (segment, offset)
    }
  }

  func hold(_ segment: ValueSegment, _ count: Int) {
    segment.live.add(count, ordering: .relaxed)
    live.add(count, ordering: .relaxed)
  }

  func release(_ segment: ValueSegment, _ count: Int) {
    segment.live.subtract(count, ordering: .relaxed)
    live.subtract(count, ordering: .relaxed)
  }

  /// Marks the files of which less than half is alive; true if there are any.
  func markSparse() -> Bool {
    state.withLock { state in
      state.sealed.removeAll { $0.segment == nil }
      var found: Bool = false
      for one in state.sealed {
        guard let segment: ValueSegment = one.segment,
          segment.live.load(ordering: .relaxed) * 2 < segment.sealedBytes.load(ordering: .relaxed)
        else { continue }
        segment.isSparse.store(true, ordering: .relaxed)
        found = true
      }
      return found
    }
  }

  /// Files open now.
  public var fileCount: Int { state.withLock { state in state.sealed.filter { $0.segment != nil }.count + (state.current == nil ? 0 : 1) } }

  /// Sixty-four bits over eight bytes at a time: catches what a disk turns or loses. Meant to be cheaper than CRC-32C by table;
  /// not measured.
  static func check(_ bytes: Bytes) -> UInt32 {
    bytes.withUnsafeBytes { raw in
      var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(raw.count)
      var index: Int = 0
      while index + 8 <= raw.count {
        hash = (hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)) &* 0x9FB2_1C65_1E98_DF25
        hash ^= hash >> 29
        index += 8
      }
      while index < raw.count {
        hash = (hash ^ UInt64(raw[index])) &* 0x9FB2_1C65_1E98_DF25
        hash ^= hash >> 29
        index += 1
      }
      return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }
  }
}
