import KubeModel
import Primitives

/// Who asks for a move and who approves it are people whom this server knows: nobody writes another one's name.
extension Admission {
  /// The federation's own daemons, which record what they did.
  private static func isFederation(_ user: UserInfo) -> Bool { user.name.hasPrefix("tricenter:federation") }

  func prepareFailover(_ resource: Resource, _ object: inout KubeObject, user: UserInfo) throws {
    guard !Self.isFederation(user) else { return }
    guard object.spec["kind"].string != "unplanned" else {
      throw KubeStatus.forbidden(
        resource.name, name: object.name,
        "unplanned is how the federation records what it did by itself; ask for a move with \"switchover\", after a loss with \"failover\"")
    }
    object.json["spec"]["requestedBy"] = .string(user.name)
    guard object.spec["approvals"].array.isEmpty else {
      throw KubeStatus.forbidden(
        resource.name, name: object.name, "whoever asks for a move does not approve it: leave spec.approvals out; others add themselves")
    }
  }

  /// Approvals are added one by one, by those whose they are, while the move waits.
  func checkApprovals(_ resource: Resource, old: KubeObject, _ new: inout KubeObject, user: UserInfo) throws {
    let before: [JSONValue] = old.spec["approvals"].array
    guard before != new.spec["approvals"].array, !Self.isFederation(user) else { return }
    func refuse(_ why: String) -> KubeStatus { KubeStatus.forbidden(resource.name, name: old.name, why) }
    let phase: String = old.status["phase"].string ?? ""
    guard ["", "Pending"].contains(phase), old.status["acceptedEpoch"].isNull else {
      throw refuse("it is decided (\(phase)): approvals come too late")
    }
    let kept: Set<String> = Set(new.spec["approvals"].array.compactMap { $0["user"].string })
    for approval in before where approval["user"].string != user.name && !kept.contains(approval["user"].string ?? "") {
      throw refuse("only \(approval["user"].string ?? "") withdraws the approval of \(approval["user"].string ?? "")")
    }
    new.json["spec"]["approvals"] = .array(
      try new.spec["approvals"].array.map { approval in
        let name: String = approval["user"].string ?? ""
        if let known: JSONValue = before.first(where: { $0["user"].string == name }), name != user.name { return known }
        guard name == user.name || name.isEmpty else { throw refuse("you are \(user.name) and cannot approve as \(name)") }
        guard user.name != old.spec["requestedBy"].string else {
          throw refuse("\(user.name) asked for this move: somebody else has to approve it")
        }
        var own: JSONValue = approval
        own["user"] = .string(user.name)
        own["time"] = .string(clock.wall().rfc3339Micro)
        return own
      })
  }

  /// The audit trail is the federation's to write, whatever else somebody may do.
  func checkDecision(_ resource: Resource, _ object: KubeObject, user: UserInfo) throws {
    guard !Self.isFederation(user) else { return }
    throw KubeStatus.forbidden(resource.name, name: object.name, "the audit trail is written by the federation's daemons alone")
  }

  static func checkDecisionDeletion(_ resource: Resource, name: String, user: UserInfo) throws {
    guard resource.name == .decisions, !isFederation(user) else { return }
    throw KubeStatus.forbidden(
      resource.name, name: name, "the audit trail is not deleted by people; the federation drops its oldest entries by itself")
  }
}
