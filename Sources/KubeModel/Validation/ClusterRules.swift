extension Validation {
  @Sendable static func node(_ node: JSONValue, _ errors: inout [FieldError]) {
    let path = FieldPath("spec.taints")
    var seen: Set<String> = []
    for (index, taint) in node["spec"]["taints"].array.enumerated() {
      let here: FieldPath = path.index(index)
      let key: String = taint["key"].string ?? ""
      errors += NameRules.qualifiedName(key).map { .invalid(here.child("key"), taint["key"], $0) }
      if let value: String = taint["value"].string {
        errors += NameRules.labelValue(value).map { .invalid(here.child("value"), .string(value), $0) }
      }
      if !seen.insert("\(key):\(taint["effect"].string ?? "")").inserted {
        errors.append(FieldError(.duplicate, here, value: taint, "taints must be unique by key and effect pair"))
      }
    }
  }

  @Sendable static func nodeUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    if let before: String = old["spec"]["podCIDR"].string, !before.isEmpty, new["spec"]["podCIDR"].string != before {
      errors.append(.forbidden(FieldPath("spec.podCIDRs"), "node updates may not change podCIDR except from \"\" to valid"))
    }
    if let before: String = old["spec"]["providerID"].string, !before.isEmpty, new["spec"]["providerID"].string != before {
      errors.append(.forbidden(FieldPath("spec.providerID"), "node updates may not change providerID except from \"\" to valid"))
    }
  }

  @Sendable static func event(_ event: JSONValue, _ errors: inout [FieldError]) {
    let namespace: String = event["metadata"]["namespace"].string ?? ""
    let about: String = event["involvedObject"]["namespace"].string ?? ""
    // Events about objects of the cluster live in the namespace default.
    if about.isEmpty ? namespace != "default" && namespace != "kube-system" && !namespace.isEmpty : about != namespace {
      errors.append(.invalid(FieldPath("involvedObject.namespace"), .string(about), "does not match event.namespace"))
    }
  }

  @Sendable static func lease(_ lease: JSONValue, _ errors: inout [FieldError]) {
    positive(lease["spec"]["leaseDurationSeconds"], FieldPath("spec.leaseDurationSeconds"), &errors)
    nonNegative(lease["spec"]["leaseTransitions"], FieldPath("spec.leaseTransitions"), &errors)
  }

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
  }

  @Sendable static func failover(_ failover: JSONValue, _ errors: inout [FieldError]) {
    let to: JSONValue = failover["spec"]["to"]
    if !to.isNull, to == failover["spec"]["from"] {
      errors.append(.invalid(FieldPath("spec.to"), to, "must be another center than `from`"))
    }
  }

  @Sendable static func failoverUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    for field in ["cluster", "from", "to", "reason", "kind", "epoch", "dryRun", "requestedBy"] {
      unchanged(new["spec"][field], old["spec"][field], FieldPath("spec").child(field), &errors)
    }
  }

  @Sendable static func drillUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    for field in ["runbook", "parameters", "mode", "requestedBy"] {
      unchanged(new["spec"][field], old["spec"][field], FieldPath("spec").child(field), &errors)
    }
  }
}
