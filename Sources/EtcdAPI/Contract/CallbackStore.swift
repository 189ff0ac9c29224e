import Keyspace
import NIOCore

/// A store that lives on an event loop and answers by callback: what `Put`, `Txn` and `Range` use where it is offered, so that a call
/// costs no task. A store without it is asked through `KeyValueStore`, on a task per call.
public protocol CallbackStore: KeyValueStore {
  /// Where `completion` is called. Connections on this loop need no hop.
  var eventLoop: any EventLoop { get }
  func transact(_ request: TransactionRequest, completion: @escaping @Sendable (Result<TransactionResponse, any Error>) -> Void)
  func range(_ request: RangeRequest, completion: @escaping @Sendable (Result<RangeResponse, any Error>) -> Void)
}
