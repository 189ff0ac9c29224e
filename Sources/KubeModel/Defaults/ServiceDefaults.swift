extension Defaults {
  @Sendable static func service(_ service: inout JSONValue) {
    var spec: JSONValue = service["spec"].isNull ? [:] : service["spec"]
    set(&spec, "type", "ClusterIP")
    set(&spec, "sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP" { set(&spec["sessionAffinityConfig"]["clientIP"], "timeoutSeconds", 10_800) }
    if spec["sessionAffinity"] == "None" { spec["sessionAffinityConfig"] = .null }
    forEach(&spec, "ports") { port in
      set(&port, "protocol", "TCP")
      if port["targetPort"].isNull || port["targetPort"] == 0 || port["targetPort"] == "" { port["targetPort"] = port["port"] }
    }
    let type: String = spec["type"].string ?? ""
    let reachable: Bool = ["NodePort", "LoadBalancer"].contains(type)
    if reachable || type == "ClusterIP" && !spec["externalIPs"].array.isEmpty { set(&spec, "externalTrafficPolicy", "Cluster") }
    if reachable || type == "ClusterIP" {
      set(&spec, "internalTrafficPolicy", "Cluster")
      set(&spec, "ipFamilyPolicy", "SingleStack")
      if spec["ipFamilies"].array.isEmpty {
        spec["ipFamilies"] = [.string(spec["clusterIP"].string?.contains(":") == true ? "IPv6" : "IPv4")]
      }
      // Either names the address; the other follows.
      if let address: String = spec["clusterIP"].string, !address.isEmpty, spec["clusterIPs"].array.isEmpty {
        spec["clusterIPs"] = [.string(address)]
      } else if let first: String = spec["clusterIPs"][0].string, spec["clusterIP"].string ?? "" == "" {
        spec["clusterIP"] = .string(first)
      }
    }
    if type == "LoadBalancer", spec["allocateLoadBalancerNodePorts"].isNull { spec["allocateLoadBalancerNodePorts"] = true }
    service["spec"] = spec
  }

  /// An update keeps what was allocated unless it says otherwise, and drops what its type has no use for.
  @Sendable static func serviceUpdate(_ new: inout JSONValue, _ old: JSONValue) {
    var spec: JSONValue = new["spec"]
    let before: JSONValue = old["spec"]
    let type: String = spec["type"].string ?? "ClusterIP"
    let formerType: String = before["type"].string ?? "ClusterIP"
    if type != "ExternalName", formerType != "ExternalName" {
      if spec["clusterIP"].string ?? "" == "" { spec["clusterIP"] = before["clusterIP"] }
      if spec["clusterIPs"].array.isEmpty, spec["clusterIP"] == before["clusterIP"] { spec["clusterIPs"] = before["clusterIPs"] }
    } else if type == "ExternalName", spec["clusterIP"] == before["clusterIP"] {
      for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] { spec[field] = .null }
    }
    let hasNodePorts: Bool = ["NodePort", "LoadBalancer"].contains(type)
    let hadNodePorts: Bool = ["NodePort", "LoadBalancer"].contains(formerType)
    forEach(&spec, "ports") { port in
      let former: JSONValue? = before["ports"].array.first { $0["port"] == port["port"] && $0["protocol"] == port["protocol"] }
      if hasNodePorts, hadNodePorts, port["nodePort"].int ?? 0 == 0, let former {
        port["nodePort"] = former["nodePort"]
      } else if !hasNodePorts, hadNodePorts, port["nodePort"] == former?["nodePort"] ?? .null {
        port["nodePort"] = .null
      }
    }
    if !hasNodePorts, hadNodePorts, spec["externalIPs"].array.isEmpty, spec["externalTrafficPolicy"] == before["externalTrafficPolicy"] {
      spec["externalTrafficPolicy"] = .null
    }
    if type != "LoadBalancer", formerType == "LoadBalancer" { spec["allocateLoadBalancerNodePorts"] = .null }
    new["spec"] = spec
  }
}
