import Primitives

/// All watchers of one keyspace. Each is a position in the history; nothing is buffered for it. A watcher that has read everything
/// waits and is found by key or range when something is written, so a write costs the watchers it concerns and a comparison per waiting
/// range.
///
/// The owner calls `onApplied` after each batch of commands, and `onReplaced` after a snapshot took the keyspace's place.
public struct Watches: Sendable {
  public typealias Completion = @Sendable (Result<WatchBatch, KeyspaceError>) -> Void

  private struct Pull: Sendable {
    var limit: Int
    var completion: Completion
  }
  private struct Watcher: Sendable {
    var request: WatchRequest
    var position: WatchPosition
    var pull: Pull?
    var progressWanted: Bool = false
  }
  private var watchers: [Int: Watcher] = [:]
  private var waitingKeys: [Bytes: Set<Int>] = [:]
  private var waitingRanges: Set<Int> = []
  /// Every waiting watcher has been told everything up to here.
  private var seen: Int64 = 0
  private var lastID: Int = 0

  public init() {}

  public var count: Int { watchers.count }
  public var waitingCount: Int { watchers.values.reduce(0) { $0 + ($1.pull == nil ? 0 : 1) } }

  public mutating func open(_ request: WatchRequest, _ keyspace: Keyspace) throws(KeyspaceError) -> Int {
    if request.range.key.isEmpty { throw KeyspaceError(.emptyKey, "a watch needs a key; the whole keyspace is key 0x00 with end 0x00") }
    guard watchers.count < KeyspaceLimits.watches else {
      throw KeyspaceError(.tooManyWatches, "this member serves \(KeyspaceLimits.watches) watches already: close some or use another member")
    }
    lastID += 1
    let start: Int64 = request.startRevision > 0 ? request.startRevision : keyspace.revision + 1
    watchers[lastID] = Watcher(request: request, position: WatchPosition(revision: start))
    return lastID
  }

  /// Answers `completion` once, now or when there is something.
  public mutating func pull(_ id: Int, limit: Int, _ keyspace: Keyspace, _ completion: @escaping Completion) {
    guard var watcher: Watcher = watchers[id] else {
      return completion(.failure(KeyspaceError(.cancelled, "the watch was cancelled")))
    }
    guard watcher.pull == nil else {
      return completion(.failure(KeyspaceError(.tooManyRequests, "a watch has one reader at a time, and one is waiting already")))
    }
    do throws(KeyspaceError) {
      let (batch, next): (WatchBatch, WatchPosition) = try keyspace.events(for: watcher.request, from: watcher.position, limit: limit)
      watcher.position = next
      if !batch.events.isEmpty || next.revision <= keyspace.revision || watcher.progressWanted {
        watcher.progressWanted = false
        watchers[id] = watcher
        return completion(.success(batch))
      }
    } catch {
      return completion(.failure(error))
    }
    watcher.pull = Pull(limit: limit, completion: completion)
    watchers[id] = watcher
    if watcher.request.range.end == nil {
      waitingKeys[watcher.request.range.key, default: []].insert(id)
    } else {
      waitingRanges.insert(id)
    }
  }

  /// Takes a watcher out of waiting, its position moved to the first modification it was not told.
  private mutating func take(_ id: Int, at position: WatchPosition? = nil) -> Pull? {
    guard let watcher: Watcher = watchers[id], let pull: Pull = watcher.pull else { return nil }
    watchers[id]?.pull = nil
    watchers[id]?.position = max(watcher.position, position ?? WatchPosition(revision: seen + 1))
    if watcher.request.range.end == nil {
      waitingKeys[watcher.request.range.key]?.remove(id)
      if waitingKeys[watcher.request.range.key]?.isEmpty ?? false { waitingKeys[watcher.request.range.key] = nil }
    } else {
      waitingRanges.remove(id)
    }
    return pull
  }

  /// Ends the wait under way with `.cancelled`; the watch itself goes on.
  public mutating func abandon(_ id: Int) {
    take(id)?.completion(.failure(KeyspaceError(.cancelled, "the task that waited for events was cancelled")))
  }

  public mutating func close(_ id: Int) {
    let pull: Pull? = take(id)
    watchers[id] = nil
    pull?.completion(.failure(KeyspaceError(.cancelled, "the watch was cancelled")))
  }

  /// The member stops: everybody is told `error`.
  public mutating func closeAll(_ error: KeyspaceError) {
    for id in watchers.keys.sorted() {
      let pull: Pull? = take(id)
      watchers[id] = nil
      pull?.completion(.failure(error))
    }
  }

  public mutating func requestProgress(_ id: Int, _ keyspace: Keyspace) {
    if let pull: Pull = take(id) {
      watchers[id]?.progressWanted = true
      self.pull(id, limit: pull.limit, keyspace, pull.completion)
    } else {
      watchers[id]?.progressWanted = true
    }
  }

  /// Wakes the watchers that the modifications since the last call concern.
  public mutating func onApplied(_ keyspace: Keyspace) {
    guard keyspace.revision > seen else { return }
    guard !waitingKeys.isEmpty || !waitingRanges.isEmpty else {
      seen = keyspace.revision
      return
    }
    var woken: [Int: WatchPosition] = [:]
    let (watchers, keys, ranges): ([Int: Watcher], [Bytes: Set<Int>], Set<Int>) = (watchers, waitingKeys, waitingRanges)
    keyspace.history.forEach(from: keyspace.history.place(of: seen + 1)) { record in
      func wake(_ id: Int) {
        guard woken[id] == nil, let watcher: Watcher = watchers[id], Keyspace.matches(record, watcher.request) else { return }
        let position = WatchPosition(revision: record.modRevision, sub: record.sub)
        if position >= watcher.position { woken[id] = position }
      }
      if !keys.isEmpty, let ids: Set<Int> = keys[record.key] { ids.forEach(wake) }
      ranges.forEach(wake)
      return true
    }
    seen = keyspace.revision
    for id in woken.keys.sorted() {
      guard let position: WatchPosition = woken[id], let pull: Pull = take(id, at: position) else { continue }
      self.pull(id, limit: pull.limit, keyspace, pull.completion)
    }
  }

  /// Another keyspace took this one's place (a snapshot from the leader): everybody goes on from its own position, or is told that
  /// what it needed was compacted away.
  public mutating func onReplaced(_ keyspace: Keyspace) {
    let waiting: [Int] = watchers.keys.filter { watchers[$0]?.pull != nil }.sorted()
    let pulls: [(Int, Pull)] = waiting.compactMap { id in take(id).map { (id, $0) } }
    seen = keyspace.revision
    for (id, pull) in pulls { self.pull(id, limit: pull.limit, keyspace, pull.completion) }
  }
}
