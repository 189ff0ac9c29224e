extension Validation {
  @Sendable static func pod(_ pod: JSONValue, _ errors: inout [FieldError]) { podSpec(pod["spec"], FieldPath("spec"), &errors) }

  static func podSpec(_ spec: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    let volumes: Set<String> = Self.volumes(spec["volumes"].array, path.child("volumes"), &errors)
    if spec["containers"].array.isEmpty { errors.append(.required(path.child("containers"))) }
    var names: Set<String> = []
    for list in ["initContainers", "containers"] {
      for (index, container) in spec[list].array.enumerated() {
        let here: FieldPath = path.child(list).index(index)
        ContainerRules.check(container, here, volumes: volumes, isInit: list == "initContainers", &errors)
        if let name: String = container["name"].string, !name.isEmpty, !names.insert(name).inserted {
          errors.append(.duplicate(here.child("name"), .string(name)))
        }
      }
    }
    if spec["restartPolicy"].isNull { errors.append(.required(path.child("restartPolicy"))) }
    nonNegative(spec["terminationGracePeriodSeconds"], path.child("terminationGracePeriodSeconds"), &errors)
    if let seconds: Int64 = spec["activeDeadlineSeconds"].int, !(1...Int64(Int32.max)).contains(seconds) {
      errors.append(.invalid(path.child("activeDeadlineSeconds"), .int(seconds), "must be between 1 and 2147483647, inclusive"))
    }
    labels(spec["nodeSelector"], path.child("nodeSelector"), &errors)
    for field in ["nodeName", "serviceAccountName"] {
      if let name: String = spec[field].string, !name.isEmpty {
        errors += NameRules.subdomain(name).map { .invalid(path.child(field), .string(name), $0) }
      }
    }
    for field in ["hostname", "subdomain"] {
      if let name: String = spec[field].string, !name.isEmpty {
        errors += NameRules.label(name).map { .invalid(path.child(field), .string(name), $0) }
      }
    }
    for (index, toleration) in spec["tolerations"].array.enumerated() {
      self.toleration(toleration, path.child("tolerations").index(index), &errors)
    }
    for (index, constraint) in spec["topologySpreadConstraints"].array.enumerated() {
      let here: FieldPath = path.child("topologySpreadConstraints").index(index)
      if constraint["maxSkew"].int ?? 0 <= 0 {
        errors.append(.invalid(here.child("maxSkew"), constraint["maxSkew"], "must be greater than zero"))
      }
      if !constraint["labelSelector"].isNull { selector(constraint["labelSelector"], here.child("labelSelector"), &errors) }
    }
  }

  private static func toleration(_ toleration: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    let key: String = toleration["key"].string ?? ""
    let comparison: String = toleration["operator"].string ?? ""
    if !key.isEmpty {
      errors += NameRules.qualifiedName(key).map { .invalid(path.child("key"), .string(key), $0) }
    } else if comparison != "Exists" {
      errors.append(
        .invalid(
          path.child("operator"), toleration["operator"],
          "operator must be Exists when `key` is empty, which means \"match all values and all keys\""))
    }
    if comparison == "Exists", toleration["value"].string ?? "" != "" {
      errors.append(.invalid(path.child("operator"), toleration["value"], "value must be empty when `operator` is 'Exists'"))
    }
    if !toleration["tolerationSeconds"].isNull, toleration["effect"] != "NoExecute" {
      errors.append(
        .invalid(
          path.child("effect"), toleration["effect"].isNull ? "" : toleration["effect"],
          "effect must be 'NoExecute' when `tolerationSeconds` is set"))
    }
  }

  private static func volumes(_ volumes: [JSONValue], _ path: FieldPath, _ errors: inout [FieldError]) -> Set<String> {
    var names: Set<String> = []
    for (index, volume) in volumes.enumerated() {
      let here: FieldPath = path.index(index)
      let name: String = volume["name"].string ?? ""
      if name.isEmpty {
        errors.append(.required(here.child("name")))
      } else {
        errors += NameRules.label(name).map { .invalid(here.child("name"), .string(name), $0) }
        if !names.insert(name).inserted { errors.append(.duplicate(here.child("name"), .string(name))) }
      }
      let sources: [String] = (volume.object?.keys ?? []).filter { $0 != "name" }
      if sources.isEmpty { errors.append(.required(here, "must specify a volume type")) }
      for extra in sources.dropFirst() { errors.append(.forbidden(here.child(extra), "may not specify more than 1 volume type")) }
      if volume["secret"].object != nil, volume["secret"]["secretName"].string ?? "" == "" {
        errors.append(.required(here.child("secret").child("secretName")))
      }
      if volume["configMap"].object != nil, volume["configMap"]["name"].string ?? "" == "" {
        errors.append(.required(here.child("configMap").child("name")))
      }
    }
    return names
  }

  /// A pod's spec may change in few places only.
  @Sendable static func podUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    var allowed: JSONValue = new["spec"]
    let before: JSONValue = old["spec"]
    for list in ["containers", "initContainers"] {
      guard allowed[list].array.count == before[list].array.count else {
        errors.append(.forbidden(FieldPath("spec").child(list), "pod updates may not add or remove containers"))
        return
      }
      for index in allowed[list].array.indices {
        var container: JSONValue = allowed[list][index]
        container["image"] = before[list][index]["image"]
        allowed[list][index] = container
      }
    }
    if let deadline: Int64 = allowed["activeDeadlineSeconds"].int, deadline <= before["activeDeadlineSeconds"].int ?? .max {
      allowed["activeDeadlineSeconds"] = before["activeDeadlineSeconds"]
    }
    let tolerations: [JSONValue] = allowed["tolerations"].array
    if before["tolerations"].array.allSatisfy(tolerations.contains) { allowed["tolerations"] = before["tolerations"] }
    let gates: [JSONValue] = before["schedulingGates"].array
    if allowed["schedulingGates"].array.allSatisfy(gates.contains) { allowed["schedulingGates"] = before["schedulingGates"] }
    if before["terminationGracePeriodSeconds"].int ?? 0 < 0, allowed["terminationGracePeriodSeconds"] == 1 {
      allowed["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    }
    guard allowed != before else { return }
    let changed: [String] = Set((allowed.object?.keys ?? []) + (before.object?.keys ?? [])).filter { allowed[$0] != before[$0] }.sorted()
    errors.append(
      .forbidden(
        FieldPath("spec"),
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\nchanged: \(changed.joined(separator: ", "))"
      ))
  }
}
