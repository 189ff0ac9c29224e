/// The rules of `federation.tricenter.io/v1`. What nobody would carry out is refused with the field's name, so that nobody relies on it.
extension Validation {
  @Sendable static func cluster(_ cluster: JSONValue, _ errors: inout [FieldError]) {
    let path = FieldPath("spec.centers")
    let centers: [JSONValue] = cluster["spec"]["centers"].array
    if centers.isEmpty { errors.append(.required(path, "a cluster runs in at least one center")) }
    for (index, center) in centers.enumerated() where centers[..<index].contains(center) {
      errors.append(.duplicate(path.index(index), center))
    }
    for (index, center) in cluster["spec"]["policy"]["automatic"].array.enumerated() where !centers.contains(center) {
      errors.append(.notFound(FieldPath("spec.policy.automatic").index(index), center))
    }
    for field in ["leaseMilliseconds", "renewMilliseconds"] {
      positive(cluster["spec"]["policy"][field], FieldPath("spec.policy").child(field), &errors)
    }
    let policy: JSONValue = cluster["spec"]["policy"]
    for field in ["silenceMilliseconds", "minimumIntervalSeconds"] {
      if let value: Int64 = policy[field].int, value < 0 {
        errors.append(.invalid(FieldPath("spec.policy").child(field), .int(value), "must be 0 or more"))
      }
    }
    approvalPolicy(policy["requireApproval"], centers, FieldPath("spec.policy.requireApproval"), &errors)
  }

  private static func approvalPolicy(_ policy: JSONValue, _ centers: [JSONValue], _ path: FieldPath, _ errors: inout [FieldError]) {
    guard !policy.isNull else { return }
    knownVerbs(policy["verbs"], path.child("verbs"), &errors)
    for (index, center) in policy["targets"].array.enumerated() where !centers.contains(center) {
      errors.append(.notFound(path.child("targets").index(index), center))
    }
    let count: Int64 = policy["count"].int ?? 1
    if count < 1 { errors.append(.invalid(path.child("count"), .int(count), "must be 1 or more")) }
    let approvers: Int = policy["approvers"].array.count
    if approvers > 0, count > Int64(approvers) {
      errors.append(.invalid(path.child("count"), .int(count), "only \(approvers) approvers are named: no move could ever be approved"))
    }
  }

  /// The daemons go by their site file in what every process must know before it reads anything. A change here would be shown and obeyed
  /// by nobody.
  @Sendable static func clusterUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    func check(_ field: String, _ new: JSONValue, _ old: JSONValue) {
      guard new != old else { return }
      errors.append(.forbidden(FieldPath(field), "the site file decides it: change it there and restart the centers' daemons"))
    }
    for field in ["zone", "centers", "serviceCIDR"] { check("spec.\(field)", new["spec"][field], old["spec"][field]) }
    for field in ["leaseMilliseconds", "renewMilliseconds", "graceMilliseconds"] {
      check("spec.policy.\(field)", new["spec"]["policy"][field], old["spec"]["policy"][field])
    }
  }

  @Sendable static func failover(_ failover: JSONValue, _ errors: inout [FieldError]) {
    let to: JSONValue = failover["spec"]["to"]
    if !to.isNull, to == failover["spec"]["from"] {
      errors.append(.invalid(FieldPath("spec.to"), to, "must be another center than `from`"))
    }
    let by: String = failover["spec"]["requestedBy"].string ?? ""
    if failover["spec"]["kind"].string == "unplanned", !by.hasPrefix("federation/") {
      errors.append(
        .invalid(
          FieldPath("spec.kind"), "unplanned",
          "this is how the federation records what it did by itself; ask for a move with \"switchover\", after a loss with \"failover\""))
    }
    let namespace: JSONValue = failover["spec"]["namespace"]
    if failover["spec"]["kind"].string == "evacuate" {
      if (namespace.string ?? "").isEmpty {
        errors.append(.required(FieldPath("spec.namespace"), "evacuate moves one namespace"))
      }
    } else if !namespace.isNull {
      errors.append(.forbidden(FieldPath("spec.namespace"), "only evacuate moves one namespace"))
    }
    if failover["spec"]["dryRun"].bool == true, failover["spec"]["kind"].string == "unplanned" {
      errors.append(.invalid(FieldPath("spec.dryRun"), true, "the federation's own record of what it did cannot be tried out"))
    }
  }

  @Sendable static func failoverUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    for field in ["cluster", "from", "to", "reason", "kind", "epoch", "namespace", "drill", "dryRun", "accept", "requestedBy"] {
      unchanged(new["spec"][field], old["spec"][field], FieldPath("spec").child(field), &errors)
    }
  }

  @Sendable static func drill(_ drill: JSONValue, _ errors: inout [FieldError]) {
    if drill["spec"]["parameters"].object?.isEmpty == false {
      errors.append(.forbidden(FieldPath("spec.parameters"), "a runbook's values stand in the runbook"))
    }
    let by: JSONValue = drill["spec"]["requestedBy"]
    if by.string?.hasPrefix("tricenter drill") != true {
      errors.append(
        .invalid(
          FieldPath("spec.requestedBy"), by,
          "a Drill is the record that \"tricenter drill run\" makes of its run, and nobody carries out one that was made otherwise: run that"
        ))
    }
  }

  @Sendable static func drillUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    for field in ["runbook", "parameters", "mode", "requestedBy"] {
      unchanged(new["spec"][field], old["spec"][field], FieldPath("spec").child(field), &errors)
    }
  }

  /// The audit trail says what was: nothing in it changes.
  @Sendable static func decisionUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    unchanged(new["spec"], old["spec"], FieldPath("spec"), &errors)
  }

  private static func knownVerbs(_ verbs: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    let known: [String] = ["automatic", "evacuate", "failback", "failover", "planned", "reprotect", "switchover"]
    for (index, verb) in verbs.array.enumerated() where !known.contains(verb.string ?? "") {
      errors.append(.notSupported(path.index(index), verb, known))
    }
  }

  @Sendable static func gate(_ gate: JSONValue, _ errors: inout [FieldError]) {
    knownVerbs(gate["spec"]["verbs"], FieldPath("spec.verbs"), &errors)
  }
}
