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
    refuse(policy["requireApproval"], FieldPath("spec.policy.requireApproval"), noApprovals + "; spec.paused suspends it", &errors)
    if let seconds: Int64 = policy["minimumIntervalSeconds"].int, seconds != 0 {
      errors.append(
        .invalid(
          FieldPath("spec.policy.minimumIntervalSeconds"), .int(seconds),
          "two failovers may follow each other at any interval: leave it out; spec.paused suspends automatic failover"))
    }
  }

  /// The daemons go by their site file. A change here would be shown and obeyed by nobody.
  @Sendable static func clusterUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    func check(_ field: String, _ new: JSONValue, _ old: JSONValue) {
      guard new != old else { return }
      errors.append(.forbidden(FieldPath(field), "the site file decides it: change it there and restart the centers' daemons"))
    }
    for field in ["zone", "centers", "serviceCIDR"] { check("spec.\(field)", new["spec"][field], old["spec"][field]) }
    for field in ["automatic", "leaseMilliseconds", "renewMilliseconds", "graceMilliseconds"] {
      check("spec.policy.\(field)", new["spec"]["policy"][field], old["spec"]["policy"][field])
    }
  }

  private static let noApprovals: String = "a failover does not wait for approvals: leave it out"

  private static func refuse(_ value: JSONValue, _ path: FieldPath, _ why: String, _ errors: inout [FieldError]) {
    if value.bool == true { errors.append(.invalid(path, value, why)) }
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
          "this is how the federation records what it did by itself; ask for a move with \"planned\", from a dead center too"))
    }
    refuse(failover["spec"]["approved"], FieldPath("spec.approved"), noApprovals, &errors)
    refuse(
      failover["spec"]["dryRun"], FieldPath("spec.dryRun"),
      "a Failover cannot be tried out: leave it out; status.blocking of one that waits tells what stands against it", &errors)
  }

  @Sendable static func failoverUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    for field in ["cluster", "from", "to", "reason", "kind", "epoch", "approved", "dryRun", "requestedBy"] {
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
}
