import Primitives

extension Validation {
  @Sendable static func service(_ service: JSONValue, _ errors: inout [FieldError]) {
    let spec: JSONValue = service["spec"]
    let path = FieldPath("spec")
    let type: String = spec["type"].string ?? ""
    labels(spec["selector"], path.child("selector"), &errors)
    if type == "ExternalName" {
      let name: String = spec["externalName"].string ?? ""
      if name.isEmpty {
        errors.append(.required(path.child("externalName")))
      } else {
        errors += NameRules.subdomain(name.hasSuffix(".") ? String(name.dropLast()) : name).map {
          .invalid(path.child("externalName"), .string(name), $0)
        }
      }
      if let address: String = spec["clusterIP"].string, !address.isEmpty {
        errors.append(.invalid(path.child("clusterIPs").index(0), .string(address), "may not be set when `type` is ExternalName"))
      }
    } else if spec["ports"].array.isEmpty, spec["clusterIP"] != "None" {
      errors.append(.required(path.child("ports")))
    }
    if type == "LoadBalancer" || type == "NodePort", spec["clusterIP"] == "None" {
      errors.append(.invalid(path.child("clusterIPs").index(0), "None", "may not be set to 'None' for \(type) services"))
    }
    if let address: String = spec["clusterIP"].string, !address.isEmpty, address != "None", !IPAddress.isValid(address) {
      errors.append(
        .invalid(path.child("clusterIPs").index(0), .string(address), "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
    }
    for (index, address) in spec["externalIPs"].array.enumerated() where !IPAddress.isValid(address.string ?? "") {
      errors.append(
        .invalid(path.child("externalIPs").index(index), address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
    }
    ports(spec["ports"].array, path.child("ports"), type, &errors)
    if let seconds: Int64 = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"].int, !(1...86_400).contains(seconds) {
      errors.append(
        .invalid(
          path.child("sessionAffinityConfig").child("clientIP").child("timeoutSeconds"), .int(seconds),
          "must be greater than 0 and less than 86400"))
    }
  }

  private static func ports(_ ports: [JSONValue], _ path: FieldPath, _ type: String, _ errors: inout [FieldError]) {
    var names: Set<String> = []
    var numbers: Set<String> = []
    for (index, port) in ports.enumerated() {
      let here: FieldPath = path.index(index)
      let name: String = port["name"].string ?? ""
      if name.isEmpty {
        if ports.count > 1 { errors.append(.required(here.child("name"))) }
      } else {
        errors += NameRules.label(name).map { .invalid(here.child("name"), .string(name), $0) }
        if !names.insert(name).inserted { errors.append(.duplicate(here.child("name"), .string(name))) }
      }
      if port["port"].int == nil {
        errors.append(.invalid(here.child("port"), 0, "must be between 1 and 65535, inclusive"))
      } else {
        self.port(port["port"], here.child("port"), &errors)
      }
      if !port["targetPort"].isNull { portOrName(port["targetPort"], here.child("targetPort"), &errors) }
      if let node: Int64 = port["nodePort"].int, node != 0 {
        if type == "ClusterIP" || type == "ExternalName" {
          errors.append(.forbidden(here.child("nodePort"), "may not be used when `type` is '\(type)'"))
        }
        self.port(port["nodePort"], here.child("nodePort"), &errors)
      }
      let key: String = "\(port["port"].int ?? 0)/\(port["protocol"].string ?? "")"
      if !numbers.insert(key).inserted {
        errors.append(.duplicate(here, ["port": port["port"], "protocol": port["protocol"]]))
      }
    }
  }

  /// An address stays for a Service's life, unless it stops being one with an address.
  @Sendable static func serviceUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    guard new["spec"]["type"] != "ExternalName", old["spec"]["type"] != "ExternalName" else { return }
    let before: JSONValue = old["spec"]["clusterIP"]
    guard before.string ?? "" != "", new["spec"]["clusterIP"] != before else { return }
    errors.append(.invalid(FieldPath("spec.clusterIPs[0]"), new["spec"]["clusterIP"], "may not change once set"))
  }

  @Sendable static func endpointSlice(_ slice: JSONValue, _ errors: inout [FieldError]) {
    let endpoints: [JSONValue] = slice["endpoints"].array
    if endpoints.count > 1000 { errors.append(.tooMany(FieldPath("endpoints"), count: endpoints.count, limit: 1000)) }
    for (index, endpoint) in endpoints.enumerated() {
      let here: FieldPath = FieldPath("endpoints").index(index).child("addresses")
      let addresses: [JSONValue] = endpoint["addresses"].array
      if addresses.isEmpty { errors.append(.required(here, "must contain at least 1 address")) }
      if addresses.count > 100 { errors.append(.tooMany(here, count: addresses.count, limit: 100)) }
      for (place, address) in addresses.enumerated() where slice["addressType"] == "IPv4" && !IPAddress.isIPv4(address.string ?? "") {
        errors.append(.invalid(here.index(place), address, "must be an IPv4 address"))
      }
    }
    let ports: [JSONValue] = slice["ports"].array
    if ports.count > 100 { errors.append(.tooMany(FieldPath("ports"), count: ports.count, limit: 100)) }
    var names: Set<String> = []
    for (index, port) in ports.enumerated() {
      let here: FieldPath = FieldPath("ports").index(index)
      let name: String = port["name"].string ?? ""
      if !names.insert(name).inserted { errors.append(.duplicate(here.child("name"), .string(name))) }
      if !name.isEmpty { errors += NameRules.label(name).map { .invalid(here.child("name"), .string(name), $0) } }
    }
  }

  @Sendable static func endpointSliceUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    unchanged(new["addressType"], old["addressType"], FieldPath("addressType"), &errors)
  }
}
