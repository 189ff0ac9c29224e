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
}
