import KubeModel
import Primitives

/// A Failover as people write it, with what is known of it so far.
struct FailoverRequest: Hashable, Sendable {
  let name: String
  let cluster: String
  let verb: Verb
  let to: CenterName?
  let from: CenterName?
  let epoch: Int64?
  /// What `evacuate` moves.
  let namespace: String?
  let drill: String?
  let isDryRun: Bool
  let accepts: Set<String>
  let requestedBy: String
  let approvers: [String]
  let created: String
  let phase: String
  let acceptedEpoch: Int64?
  let startedAt: WallTime?
  /// Something stands against it, by its status.
  let isBlocked: Bool

  /// Nil: the federation's own record of what it did.
  init?(_ failover: KubeObject) {
    let (spec, status): (JSONValue, JSONValue) = (failover.spec, failover.status)
    guard let verb: Verb = spec["kind"].string.flatMap({ Verb(rawValue: $0) }), let cluster: String = spec["cluster"].string else {
      return nil
    }
    func given(_ field: String) -> String? { spec[field].string.flatMap { $0.isEmpty ? nil : $0 } }
    name = failover.name
    self.cluster = cluster
    self.verb = verb
    to = given("to").map { CenterName($0) }
    from = given("from").map { CenterName($0) }
    epoch = spec["epoch"].int.flatMap { $0 > 0 ? $0 : nil }
    namespace = given("namespace")
    drill = given("drill")
    isDryRun = spec["dryRun"].bool == true
    accepts = Set(spec["accept"].array.compactMap(\.string))
    requestedBy = given("requestedBy") ?? ""
    approvers = spec["approvals"].array.compactMap { $0["user"].string }
    created = failover.metadata["creationTimestamp"].string ?? ""
    phase = status["phase"].string ?? ""
    acceptedEpoch = status["acceptedEpoch"].int
    isBlocked = status["blocking"].array.contains { $0["weight"].string != Finding.Weight.warning.rawValue }
    startedAt = status["startedAt"].string.flatMap { WallTime(rfc3339: $0) }
  }

  var isOpen: Bool { phase.isEmpty || phase == "Pending" }

  /// In the order in which they were asked for; two of one second by name, so that everybody has the same order.
  static func isEarlier(_ one: Self, _ other: Self) -> Bool { (one.created, one.name) < (other.created, other.name) }

  /// Accepted under the activation in force, and nobody has carried it out yet.
  func isWaiting(_ record: ActivationRecord, order: [CenterName]) -> Bool {
    guard cluster == record.cluster, verb.moves, isOpen, !isDryRun, acceptedEpoch == record.epoch, let to else { return false }
    return to != record.center && order.contains(to)
  }

  /// An evacuation that was accepted under the activation in force and has not been carried out.
  func evacuation(_ record: ActivationRecord) -> ActivationInstance.Evacuation? {
    guard cluster == record.cluster, verb == .evacuate, isOpen, !isDryRun, acceptedEpoch == record.epoch, let to, let namespace else {
      return nil
    }
    return .init(namespace: namespace, to: to, failover: name)
  }
}
