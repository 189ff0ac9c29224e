import Keyspace
import KubeModel
import Logging
import Primitives
import Synchronization

/// Carries the store's changes to the hubs: reads everything once, then one watch over the whole registry. One watch and not one per
/// resource, so that a write to any resource tells all of them how far they are, and a consistent list need not wait for its own
/// resource to change. Starts over when its place was compacted away.
struct StoreFeed: Sendable {
  struct Target: Sendable {
    let folder: Bytes
    let definition: ResourceDefinition
    let hub: WatchHub
  }

  let store: any KeyValueStore
  let root: Bytes
  /// In order of their folders, none inside another; two faces of one kind share theirs.
  let targets: [Target]
  let limits: APIServerLimits
  let logger: Logger
  private let cursor = OpenCursor()

  init(store: any KeyValueStore, root: Bytes, targets: [Target], limits: APIServerLimits, logger: Logger) {
    self.store = store
    self.root = root
    self.targets = targets.sorted { $0.folder.precedes($1.folder) }
    self.limits = limits
    self.logger = logger
  }

  /// Asks the store how far it is, although nothing may have been written in the registry since the last event.
  func requestProgress() { cursor.requestProgress() }

  /// Until cancelled.
  func run() async {
    var pause: Duration = .milliseconds(20)
    while !Task.isCancelled {
      do {
        let revision: Int64 = try await load()
        pause = .milliseconds(20)
        try await follow(from: revision)
      } catch let error as KeyspaceError where error.code == .compacted {
        logger.warning("the place in the store's history was compacted away; reading everything again")
      } catch {
        if Task.isCancelled { return }
        logger.warning("the store cannot be read; trying again", metadata: ["error": "\(error)", "pause": "\(pause)"])
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(1))
      }
    }
  }

  /// Reads every resource as it is at one revision.
  private func load() async throws -> Int64 {
    let revision: Int64 = try await store.range(RangeRequest(key: root)).revision
    for target in targets {
      var objects: [StoredObject] = []
      var start: Bytes = target.folder
      while true {
        let page: RangeResponse = try await store.range(
          RangeRequest(
            KeyRange(key: start, end: target.folder.prefixEnd), revision: revision, limit: Int64(limits.storePage)))
        for keyValue in page.keyValues {
          objects.append(
            StoredObject(
              path: Bytes(keyValue.key.dropFirst(target.folder.count)), value: keyValue.value, revision: keyValue.modRevision,
              definition: target.definition))
        }
        guard page.more, let last: KeyValue = page.keyValues.last else { break }
        start = last.key + [0]
      }
      target.hub.replace(objects, revision: revision)
    }
    return revision
  }

  /// Follows from `revision` until something breaks. A broken watch is taken up where it ended; only a compacted place ends here.
  private func follow(from loaded: Int64) async throws {
    var revision: Int64 = loaded
    var pause: Duration = .milliseconds(20)
    while true {
      do {
        let cursor: any WatchCursor = try await store.watch(WatchRequest(.prefix(root), startRevision: revision + 1))
        self.cursor.set(cursor)
        defer {
          self.cursor.set(nil)
          cursor.cancel()
        }
        while true {
          try Task.checkCancellation()
          let batch: WatchBatch = try await withTaskCancellationHandler {
            try await cursor.next(limit: limits.storeBatch)
          } onCancel: {
            cursor.cancel()
          }
          deliver(batch)
          revision = max(revision, batch.revision)
          pause = .milliseconds(20)
        }
      } catch let error as KeyspaceError where error.code == .compacted || Task.isCancelled {
        throw error
      } catch {
        try Task.checkCancellation()
        logger.warning("the store's watch ended; taking it up again", metadata: ["revision": "\(revision)", "error": "\(error)"])
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(1))
      }
    }
  }

  private func deliver(_ batch: WatchBatch) {
    var changes: [[WatchHub.Change]] = [[WatchHub.Change]](repeating: [], count: targets.count)
    for event in batch.events {
      guard let last: Int = target(of: event.keyValue.key) else { continue }
      let folder: Bytes = targets[last].folder
      let path: Bytes = Bytes(event.keyValue.key.dropFirst(folder.count))
      for index in stride(from: last, through: 0, by: -1) {
        guard targets[index].folder == folder else { break }
        switch event.kind {
        case .put:
          let object = StoredObject(
            path: path, value: event.keyValue.value, revision: event.keyValue.modRevision, definition: targets[index].definition)
          changes[index].append(.put(object))
        case .delete: changes[index].append(.delete(path: path, revision: event.keyValue.modRevision))
        }
      }
    }
    for (index, target) in targets.enumerated() { target.hub.apply(changes[index], revision: batch.revision) }
  }

  /// The resource whose folder holds the key; nil for reservations and for what others keep below the root.
  private func target(of key: Bytes) -> Int? {
    var low: Int = 0
    var high: Int = targets.count
    while low < high {
      let middle: Int = (low + high) / 2
      if key.precedes(targets[middle].folder) { high = middle } else { low = middle + 1 }
    }
    guard low > 0, key.starts(with: targets[low - 1].folder) else { return nil }
    return low - 1
  }
}

/// The watch that is open now.
final class OpenCursor: Sendable {
  private let cursor: Mutex<(any WatchCursor)?> = Mutex(nil)
  func set(_ open: (any WatchCursor)?) { cursor.withLock { $0 = open } }
  func requestProgress() { cursor.withLock { $0 }?.requestProgress() }
}
