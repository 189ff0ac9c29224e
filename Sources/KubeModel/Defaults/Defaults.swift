/// The values Kubernetes fills in for fields that are left out. Each function takes a whole object of its kind and may be repeated.
/// Source: the field documentation in the tables ("Defaults to …") and what a 1.36 kube-apiserver answers.
enum Defaults {
  /// Sets a field that is absent (or an empty string, which Go cannot tell from absent).
  static func set(_ object: inout JSONValue, _ field: String, _ value: JSONValue) {
    let present: JSONValue = object[field]
    if present.isNull || present == "" { object[field] = value }
  }

  static func forEach(_ object: inout JSONValue, _ field: String, _ change: (inout JSONValue) -> Void) {
    guard case .array(var elements) = object[field], !elements.isEmpty else { return }
    for index in elements.indices { change(&elements[index]) }
    object[field] = .array(elements)
  }

  /// Changes a member that is there.
  static func ifPresent(_ object: inout JSONValue, _ field: String, _ change: (inout JSONValue) -> Void) {
    guard object.object?[field] != nil, !object[field].isNull else { return }
    var member: JSONValue = object[field]
    object[field] = .null
    change(&member)
    object[field] = member
  }

  @Sendable static func namespace(_ namespace: inout JSONValue) {
    if let name: String = namespace["metadata"]["name"].string {
      namespace["metadata"]["labels"]["kubernetes.io/metadata.name"] = .string(name)
    }
  }

  /// `stringData` is written only: its values go into `data`.
  @Sendable static func secret(_ secret: inout JSONValue) {
    set(&secret, "type", "Opaque")
    for (key, text) in secret["stringData"].stringMap.sorted(by: { $0.key < $1.key }) {
      secret["data"][key] = .string(Base64.encode(Array(text.utf8)))
    }
    secret["stringData"] = .null
  }

  @Sendable static func endpoints(_ endpoints: inout JSONValue) {
    forEach(&endpoints, "subsets") { subset in forEach(&subset, "ports") { set(&$0, "protocol", "TCP") } }
  }

  @Sendable static func endpointSlice(_ slice: inout JSONValue) {
    forEach(&slice, "ports") { port in
      if port["name"].isNull { port["name"] = "" }
      set(&port, "protocol", "TCP")
    }
    if slice["endpoints"].isNull { slice["endpoints"] = [] }
  }

  @Sendable static func cluster(_ cluster: inout JSONValue) { set(&cluster["spec"]["policy"], "failback", "Manual") }
}
