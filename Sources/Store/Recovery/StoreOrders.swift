import Keyspace
import NIOCore
import Primitives
import SiteLink
import Synchronization

/// Brings what the link hears to the store, which is made after the link's events are.
final class StoreOrders: Sendable {
  private struct Holder: Sendable {
    weak var store: Store?
  }
  private let holder: Mutex<Holder> = Mutex(Holder())

  func attach(_ store: Store) { holder.withLock { $0.store = store } }
  private var store: Store? { holder.withLock { $0.store } }

  /// On the loop.
  func superseded(_ proof: Bytes) { store?.onSuperseded(proof) }

  /// On the loop.
  func reread(_ problem: KeyspaceError) { store?.reread(problem) }

  func carryOut(_ order: Bytes, from caller: LinkCaller, answer: @escaping @Sendable (Bytes) -> Void) {
    guard let store else {
      return answer(StoreOrderAnswer(.failure(StoreError(.wrongState, "this member is stopping"))).encode())
    }
    Task { answer(await store.carryOut(order, from: caller)) }
  }
}
