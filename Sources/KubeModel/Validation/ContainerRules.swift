enum ContainerRules {
  static func check(_ container: JSONValue, _ path: FieldPath, volumes: Set<String>, isInit: Bool, _ errors: inout [FieldError]) {
    let name: String = container["name"].string ?? ""
    if name.isEmpty {
      errors.append(.required(path.child("name")))
    } else {
      errors += NameRules.label(name).map { .invalid(path.child("name"), .string(name), $0) }
    }
    let image: String = container["image"].string ?? ""
    if image.isEmpty {
      errors.append(.required(path.child("image")))
    } else if image.first?.isWhitespace == true || image.last?.isWhitespace == true {
      errors.append(.invalid(path.child("image"), .string(image), "must not have leading or trailing whitespace"))
    }
    ports(container["ports"].array, path.child("ports"), &errors)
    environment(container["env"].array, path.child("env"), &errors)
    mounts(container["volumeMounts"].array, path.child("volumeMounts"), volumes, &errors)
    resources(container["resources"], path.child("resources"), &errors)
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] where container[probe].object != nil {
      if isInit, container["restartPolicy"] != "Always" {
        errors.append(.forbidden(path.child(probe), "may not be set for init containers without restartPolicy=Always"))
      } else {
        self.probe(container[probe], path.child(probe), mustSucceedOnce: probe != "readinessProbe", &errors)
      }
    }
    for hook in ["postStart", "preStop"] where container["lifecycle"][hook].object != nil {
      handler(container["lifecycle"][hook], path.child("lifecycle").child(hook), ["exec", "httpGet", "tcpSocket", "sleep"], &errors)
    }
  }

  private static func ports(_ ports: [JSONValue], _ path: FieldPath, _ errors: inout [FieldError]) {
    var names: Set<String> = []
    for (index, port) in ports.enumerated() {
      let here: FieldPath = path.index(index)
      if let name: String = port["name"].string, !name.isEmpty {
        errors += NameRules.portName(name).map { .invalid(here.child("name"), .string(name), $0) }
        if !names.insert(name).inserted { errors.append(.duplicate(here.child("name"), .string(name))) }
      }
      if port["containerPort"].int ?? 0 == 0 {
        errors.append(.required(here.child("containerPort")))
      } else {
        Validation.port(port["containerPort"], here.child("containerPort"), &errors)
      }
      if port["hostPort"].int ?? 0 != 0 { Validation.port(port["hostPort"], here.child("hostPort"), &errors) }
    }
  }

  private static func environment(_ variables: [JSONValue], _ path: FieldPath, _ errors: inout [FieldError]) {
    for (index, variable) in variables.enumerated() {
      let here: FieldPath = path.index(index)
      let name: String = variable["name"].string ?? ""
      if name.isEmpty {
        errors.append(.required(here.child("name")))
      } else {
        errors += NameRules.environmentName(name).map { .invalid(here.child("name"), .string(name), $0) }
      }
      guard let source: JSONObject = variable["valueFrom"].object else { continue }
      if variable["value"].string ?? "" != "" {
        errors.append(.invalid(here.child("valueFrom"), "", "may not be specified when `value` is not empty"))
      }
      if source.count != 1 {
        errors.append(
          .invalid(
            here.child("valueFrom"), "",
            source.isEmpty
              ? "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
              : "may not have more than one field specified at a time"))
      }
    }
  }

  private static func mounts(_ mounts: [JSONValue], _ path: FieldPath, _ volumes: Set<String>, _ errors: inout [FieldError]) {
    var places: Set<String> = []
    for (index, mount) in mounts.enumerated() {
      let here: FieldPath = path.index(index)
      let name: String = mount["name"].string ?? ""
      if name.isEmpty {
        errors.append(.required(here.child("name")))
      } else if !volumes.contains(name) {
        errors.append(.notFound(here.child("name"), .string(name)))
      }
      let place: String = mount["mountPath"].string ?? ""
      if place.isEmpty {
        errors.append(.required(here.child("mountPath")))
      } else if !places.insert(place).inserted {
        errors.append(.invalid(here.child("mountPath"), .string(place), "must be unique"))
      }
      for field in ["subPath", "subPathExpr"] {
        guard let text: String = mount[field].string, !text.isEmpty else { continue }
        if text.hasPrefix("/") { errors.append(.invalid(here.child(field), .string(text), "must be a relative path")) }
        if text.split(separator: "/").contains("..") { errors.append(.invalid(here.child(field), .string(text), "must not contain '..'")) }
      }
    }
  }

  private static func resources(_ resources: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    for kind in ["limits", "requests"] {
      for (name, text) in resources[kind].stringMap.sorted(by: { $0.key < $1.key }) {
        let here: FieldPath = path.child(kind).key(name)
        errors += NameRules.qualifiedName(name).map { .invalid(path.child(kind), .string(name), $0) }
        guard let quantity: Quantity = Quantity(text) else { continue }
        if quantity.isNegative { errors.append(.invalid(here, .string(text), "must be greater than or equal to 0")) }
        guard kind == "requests", let limit: Quantity = Quantity(json: resources["limits"][name]) else { continue }
        if quantity > limit {
          errors.append(.invalid(path.child("requests"), .string(text), "must be less than or equal to \(name) limit of \(limit)"))
        }
      }
    }
  }

  private static func probe(_ probe: JSONValue, _ path: FieldPath, mustSucceedOnce: Bool, _ errors: inout [FieldError]) {
    handler(probe, path, ["exec", "httpGet", "tcpSocket", "grpc"], &errors)
    for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
      Validation.nonNegative(probe[field], path.child(field), &errors)
    }
    if mustSucceedOnce, let threshold: Int64 = probe["successThreshold"].int, threshold != 1 {
      errors.append(.invalid(path.child("successThreshold"), .int(threshold), "must be 1"))
    }
  }

  private static func handler(_ handler: JSONValue, _ path: FieldPath, _ kinds: [String], _ errors: inout [FieldError]) {
    let present: [String] = kinds.filter { handler[$0].object != nil }
    if present.isEmpty { errors.append(.required(path, "must specify a handler type")) }
    for extra in present.dropFirst() { errors.append(.forbidden(path.child(extra), "may not specify more than 1 handler type")) }
    if handler["exec"].object != nil, handler["exec"]["command"].array.isEmpty {
      errors.append(.required(path.child("exec").child("command")))
    }
    for kind in ["httpGet", "tcpSocket", "grpc"] where handler[kind].object != nil {
      let here: FieldPath = path.child(kind).child("port")
      if handler[kind]["port"].isNull {
        errors.append(.required(here))
      } else {
        Validation.portOrName(handler[kind]["port"], here, &errors)
      }
    }
  }
}
