import Keyspace
import NIOCore
import Primitives

enum SimulationEvent {
  case tick(host: Int, life: Int)
  case deliver(from: Int, to: Int, ByteBuffer)
  case linkChanged(host: Int, life: Int, other: Int, up: Bool)
  /// It is told that it was removed.
  case refused(host: Int, life: Int)
  case diskDone(host: Int, life: Int)
  case request(host: Int, ClientRequest)
  case answer(client: Int, request: UInt64, ClientAnswer)
  case clientTurn(Int)
  case clientGivesUp(client: Int, request: UInt64)
  case watchTurn(Int)
  case watchTold(watcher: Int, generation: Int, Result<WatchBatch, KeyspaceError>)
  case adminTurn
  case fault(Fault)
  case mend([(Int, Int)])
  case mendDisk(Int)
  case resume(Int)
  case restart(Int)
  case faultsEnd
  case checkRecovery

  /// Whom it happens to, if it is a host that may be standing still.
  var host: Int? {
    switch self {
    case .tick(let host, _), .diskDone(let host, _), .request(let host, _), .linkChanged(let host, _, _, _): host
    case .deliver(_, let to, _): to
    default: nil
    }
  }
}
