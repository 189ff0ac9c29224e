import Keyspace
import NIOCore

/// A store that lives on an event loop and answers by callback: what `Put`, `Txn`, `DeleteRange` and `Range` use where it is offered, so
/// that a call costs neither task nor lock, and no hop where the connection is on the store's loop. A store without it is asked through
/// `KeyValueStore`, on a task per call.
public protocol LoopStore: KeyValueStore {
  /// Both calls must be made on it, and complete on it.
  var eventLoop: any EventLoop { get }
  func transact(_ request: TransactionRequest, completion: @escaping (Result<TransactionResponse, KeyspaceError>) -> Void)
  func range(_ request: RangeRequest, completion: @escaping (Result<RangeResponse, KeyspaceError>) -> Void)
}
