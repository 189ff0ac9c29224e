import KubeModel

/// `{NAME}_SERVICE_HOST` and the rest for every Service of the pod's namespace, and for `default/kubernetes` everywhere.
/// Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
public enum ServiceEnvironment {
  /// In the order of names, so that equal inputs give equal containers. Headless and external Services have no address and no variables.
  /// `links`: the pod's `enableServiceLinks` (true by default).
  public static func variables(services: [KubeObject], namespace: String, links: Bool) -> [EnvironmentVariable] {
    var variables: [EnvironmentVariable] = []
    for service in services.sorted(by: { ($0.name, $0.namespace) < ($1.name, $1.namespace) }) {
      let isAPI: Bool = service.namespace == "default" && service.name == "kubernetes"
      guard isAPI || (links && service.namespace == namespace) else { continue }
      guard let address: String = service.spec["clusterIP"].string, !address.isEmpty, address != "None" else { continue }
      variables += variablesOf(service, address: address)
    }
    return Array(variables.prefix(KubeletLimits.environmentVariables))
  }

  private static func variablesOf(_ service: KubeObject, address: String) -> [EnvironmentVariable] {
    let prefix: String = name(service.name)
    let ports: [JSONValue] = service.spec["ports"].array
    var variables: [EnvironmentVariable] = [EnvironmentVariable(prefix + "_SERVICE_HOST", address)]
    if let first: Int64 = ports.first?["port"].int { variables.append(EnvironmentVariable(prefix + "_SERVICE_PORT", String(first))) }
    for port in ports {
      guard let portName: String = port["name"].string, !portName.isEmpty, let number: Int64 = port["port"].int else { continue }
      variables.append(EnvironmentVariable("\(prefix)_SERVICE_PORT_\(name(portName))", String(number)))
    }
    for (index, port) in ports.enumerated() {
      guard let number: Int64 = port["port"].int else { continue }
      let proto: String = port["protocol"].string ?? "TCP"
      let url: String = "\(proto.lowercased())://\(address):\(number)"
      if index == 0 { variables.append(EnvironmentVariable(prefix + "_PORT", url)) }
      let base: String = "\(prefix)_PORT_\(number)_\(proto)"
      variables += [
        EnvironmentVariable(base, url), EnvironmentVariable(base + "_PROTO", proto.lowercased()),
        EnvironmentVariable(base + "_PORT", String(number)), EnvironmentVariable(base + "_ADDR", address),
      ]
    }
    return variables
  }

  private static func name(_ text: String) -> String { String(text.uppercased().map { $0 == "-" ? "_" : $0 }) }
}
