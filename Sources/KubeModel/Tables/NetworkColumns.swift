extension TableColumn {
  static let services: [TableColumn] = [
    objectName,
    TableColumn("Type", field: ["spec", "type"], "How the service is exposed."),
    TableColumn("Cluster-IP", "Its address inside the cluster.") { object, _ in
      .string(object.spec["clusterIPs"][0].string ?? object.spec["clusterIP"].string.flatMap { $0.isEmpty ? nil : $0 } ?? "<none>")
    },
    TableColumn("External-IP", "Its addresses outside.") { object, _ in externalAddresses(object) },
    TableColumn("Port(s)", "Its ports, with the node ports behind a colon.") { object, _ in
      joined(
        object.spec["ports"].array.map { port in
          let node: Int64 = port["nodePort"].int ?? 0
          return "\(port["port"].int ?? 0)\(node > 0 ? ":\(node)" : "")/\(port["protocol"].string ?? "TCP")"
        })
    },
    age,
    TableColumn("Selector", wide: true, "Which pods answer for it.") { object, _ in
      joined(object.spec["selector"].stringMap.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
    },
  ]

  private static func externalAddresses(_ object: KubeObject) -> JSONValue {
    let external: [String] = object.spec["externalIPs"].array.compactMap(\.string)
    switch object.spec["type"].string {
    case "ExternalName": return .string(object.spec["externalName"].string ?? "<none>")
    case "LoadBalancer":
      let ingress: [String] = object.status["loadBalancer"]["ingress"].array.compactMap { $0["ip"].string ?? $0["hostname"].string }
      return joined(ingress + external, none: "<pending>")
    default: return joined(external)
    }
  }

  static let endpoints: [TableColumn] = [
    objectName,
    TableColumn("Endpoints", "Addresses and ports of the pods behind the service.") { object, _ in
      var all: [String] = []
      for subset in object.json["subsets"].array {
        let ports: [JSONValue] = subset["ports"].array
        for address in subset["addresses"].array {
          let ip: String = address["ip"].string ?? ""
          if ports.isEmpty { all.append(ip) }
          for port in ports { all.append(joinHostPort(ip, port["port"].int ?? 0)) }
        }
      }
      return firstThree(all, none: "<none>")
    },
    age,
  ]

  static let endpointSlices: [TableColumn] = [
    objectName,
    TableColumn("AddressType", field: ["addressType"], "Family of the addresses."),
    TableColumn("Ports", "Ports of every endpoint of the slice.") { object, _ in
      firstThree(
        object.json["ports"].array.map { port in
          if let number: Int64 = port["port"].int { return String(number) }
          let name: String = port["name"].string ?? ""
          return name.isEmpty ? "*" : name
        }, separator: ",", none: "<unset>")
    },
    TableColumn("Endpoints", "Addresses.") { object, _ in
      firstThree(object.json["endpoints"].array.flatMap { $0["addresses"].array.compactMap(\.string) }, none: "<unset>")
    },
    age,
  ]

  static func joinHostPort(_ host: String, _ port: Int64) -> String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func firstThree(_ all: [String], separator: String = ",", none: String) -> JSONValue {
    guard !all.isEmpty else { return .string(none) }
    let more: String = all.count > 3 ? " + \(all.count - 3) more..." : ""
    return .string(all.prefix(3).joined(separator: separator) + more)
  }
}
