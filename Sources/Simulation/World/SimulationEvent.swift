import Keyspace
import Primitives

enum SimulationEvent {
  case tick(host: Int, life: Int)
  case deliver(from: Int, to: Int, epoch: UInt64, Bytes)
  case linkChanged(host: Int, life: Int, other: Int, up: Bool)
  /// It is told that it was removed.
  case refused(host: Int, life: Int)
  /// Another member is of a newer epoch, and says where it began.
  case superseded(host: Int, life: Int, [UInt8])
  case diskDone(host: Int, life: Int)
  case lookForSpace(host: Int, life: Int)
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
  /// Somebody deleted something.
  case freeSpace(Int)
  case resume(Int)
  case restart(Int)
  /// A center is left alone, and somebody is to make it a new cluster.
  case majorityLost(center: Int)
  case faultsEnd
  case checkRecovery

  /// Whom it happens to, if it is a host that may be standing still.
  var host: Int? {
    switch self {
    case .tick(let host, _), .diskDone(let host, _), .lookForSpace(let host, _), .request(let host, _), .linkChanged(let host, _, _, _):
      host
    case .deliver(_, let to, _, _), .superseded(let to, _, _): to
    default: nil
    }
  }
}
