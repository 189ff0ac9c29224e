import Keyspace
import KubeModel
import Logging
import Primitives

/// Forgets the store's history before the last interval, as kube-apiserver does: without it every renewal of every lease would be kept for
/// ever. Of several apiservers one per interval wins a compare-and-put on a shared key and compacts; the others learn the pace from it.
struct Compactor: Sendable {
  let storage: ObjectStorage
  let interval: Duration
  let logger: Logger

  /// What one server knows: how often the key was written, and the store's revision when it looked last.
  struct Place: Hashable, Sendable {
    var turn: Int64 = 0
    var revision: Int64 = 0
  }

  private var key: Bytes { Bytes("\(storage.layout.root)reservations/compaction") }

  func run() async {
    var place = Place()
    while !Task.isCancelled {
      do { place = try await step(place) } catch {
        logger.info("the store's history was not compacted; trying again", metadata: ["error": "\(error)"])
      }
      try? await Task.sleep(for: interval)
    }
  }

  /// One interval: what was current at the last one is compacted away by whoever comes first.
  func step(_ place: Place) async throws -> Place {
    let put: Operation = .put(PutRequest(key: key, value: Bytes(String(place.revision))))
    let response: TransactionResponse = try await storage.store.transact(
      TransactionRequest(
        compares: [Compare(key, .equal, .version(place.turn))], success: [put], failure: [.range(RangeRequest(key: key))]))
    guard response.succeeded else {
      guard case .range(let range)? = response.responses.first else { return Place() }
      return Place(turn: range.keyValues.first?.version ?? 0, revision: response.revision)
    }
    if place.revision > 0 {
      do { try await storage.store.compact(revision: place.revision) } catch let error as KeyspaceError where error.code == .compacted {}
      logger.debug("compacted the store's history", metadata: ["revision": "\(place.revision)"])
    }
    return Place(turn: place.turn + 1, revision: response.revision)
  }
}
