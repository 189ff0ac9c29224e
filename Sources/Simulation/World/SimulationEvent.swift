import Consensus
import Primitives

enum SimulationEvent {
  case tick(member: Int, life: Int)
  case deliver(Envelope)
  case diskDone(member: Int, life: Int)
  case snapshotLost(member: Int, life: Int, to: MemberID)
  case request(member: Int, ClientRequest)
  case answer(client: Int, request: UInt64, ClientAnswer)
  case clientTurn(Int)
  case clientGivesUp(client: Int, request: UInt64)
  case fault(Fault)
  case mend([(Int, Int)])
  case mendDisk(Int)
  case resume(Int)
  case restart(Int)
  case faultsEnd
  case checkRecovery

  /// Whom it happens to, if it is a member that may be standing still.
  var member: Int? {
    switch self {
    case .tick(let member, _), .diskDone(let member, _), .request(let member, _), .snapshotLost(let member, _, _): member
    case .deliver(let envelope): Layout.place(envelope.message.to)
    default: nil
    }
  }
}

/// A message on its way, with the bytes of a snapshot where it speaks of one.
struct Envelope {
  var message: RaftMessage
  var snapshot: [Bytes] = []
}

enum ClientOperation: Hashable, Sendable {
  case put(key: Int, value: Bytes)
  case putTwo(key: Int, other: Int, value: Bytes)
  case delete(key: Int)
  /// Puts if the key's modification revision is this (0: if it does not exist), reads it otherwise.
  case compareAndPut(key: Int, revision: Int64, value: Bytes)
  case get(key: Int)
  case compact(revision: Int64)

  var isRead: Bool { if case .get = self { true } else { false } }
}

struct ClientRequest {
  var id: UInt64
  var client: Int
  var operation: ClientOperation
}

/// What a client sees of an operation.
struct OperationResult: Hashable, Sendable {
  var revision: Int64
  var succeeded: Bool = true
  var value: Bytes?
  var modRevision: Int64 = 0
}

enum ClientAnswer {
  case done(OperationResult)
  /// Certainly nothing happened.
  case refused
  /// The member says that it does not know.
  case lost
}
