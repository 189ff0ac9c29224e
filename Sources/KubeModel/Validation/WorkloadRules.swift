extension Validation {
  @Sendable static func deployment(_ deployment: JSONValue, _ errors: inout [FieldError]) {
    let spec: JSONValue = deployment["spec"]
    let path = FieldPath("spec")
    replicated(spec, path, kind: "deployment", &errors)
    nonNegative(spec["revisionHistoryLimit"], path.child("revisionHistoryLimit"), &errors)
    if let deadline: Int64 = spec["progressDeadlineSeconds"].int {
      nonNegative(spec["progressDeadlineSeconds"], path.child("progressDeadlineSeconds"), &errors)
      if deadline <= spec["minReadySeconds"].int ?? 0 {
        errors.append(.invalid(path.child("progressDeadlineSeconds"), .int(deadline), "must be greater than minReadySeconds"))
      }
    }
    strategy(spec["strategy"], path.child("strategy"), &errors)
  }

  @Sendable static func replicaSet(_ replicaSet: JSONValue, _ errors: inout [FieldError]) {
    replicated(replicaSet["spec"], FieldPath("spec"), kind: "replicaset", &errors)
  }

  private static func replicated(_ spec: JSONValue, _ path: FieldPath, kind: String, _ errors: inout [FieldError]) {
    nonNegative(spec["replicas"], path.child("replicas"), &errors)
    nonNegative(spec["minReadySeconds"], path.child("minReadySeconds"), &errors)
    let selector: JSONValue = spec["selector"]
    let template: FieldPath = path.child("template")
    if selector.isNull {
      errors.append(.required(path.child("selector")))
    } else {
      self.selector(selector, path.child("selector"), &errors)
      if selector["matchLabels"].object?.isEmpty ?? true, selector["matchExpressions"].array.isEmpty {
        errors.append(.invalid(path.child("selector"), selector, "empty selector is invalid for \(kind)"))
      }
    }
    if spec["template"].isNull {
      errors.append(.required(template))
    } else if let parsed: LabelSelector = try? LabelSelector(object: selector), !parsed.selectsEverything {
      let labels: JSONValue = spec["template"]["metadata"]["labels"]
      if !parsed.matches(labels.stringMap) {
        errors.append(.invalid(template.child("metadata").child("labels"), labels, "`selector` does not match template `labels`"))
      }
    }
    labels(spec["template"]["metadata"]["labels"], template.child("metadata").child("labels"), &errors)
    guard !spec["template"].isNull else { return }
    MetadataRules.tier(spec["template"]["metadata"], template.child("metadata"), &errors)
    podSpec(spec["template"]["spec"], template.child("spec"), &errors)
    if let policy: String = spec["template"]["spec"]["restartPolicy"].string, policy != "Always" {
      errors.append(.notSupported(template.child("spec").child("restartPolicy"), .string(policy), ["Always"]))
    }
    if !spec["template"]["spec"]["activeDeadlineSeconds"].isNull {
      errors.append(
        .forbidden(
          template.child("spec").child("activeDeadlineSeconds"),
          "activeDeadlineSeconds in \(kind == "deployment" ? "Deployment" : "ReplicaSet") is not Supported"))
    }
  }

  private static func strategy(_ strategy: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    let rolling: JSONValue = strategy["rollingUpdate"]
    let here: FieldPath = path.child("rollingUpdate")
    if strategy["type"] == "Recreate" {
      if !rolling.isNull { errors.append(.forbidden(here, "may not be specified when strategy `type` is 'Recreate'")) }
      return
    }
    var zero: Int = 0
    for field in ["maxUnavailable", "maxSurge"] {
      guard let value: IntOrString = IntOrString(json: rolling[field]) else { continue }
      let at: FieldPath = here.child(field)
      if case .string(let text) = value, value.percentage == nil {
        errors.append(
          .invalid(
            at, .string(text),
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
          ))
        continue
      }
      let amount: Int64 = value.percentage ?? rolling[field].int ?? 0
      if amount < 0 { errors.append(.invalid(at, rolling[field], "must be greater than or equal to 0")) }
      if field == "maxUnavailable", let percentage: Int64 = value.percentage, percentage > 100 {
        errors.append(.invalid(at, rolling[field], "must not be greater than 100%"))
      }
      if amount == 0 { zero += 1 }
    }
    if zero == 2 { errors.append(.invalid(here.child("maxUnavailable"), rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")) }
  }

  @Sendable static func selectorUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    unchanged(new["spec"]["selector"], old["spec"]["selector"], FieldPath("spec.selector"), &errors)
  }
}
