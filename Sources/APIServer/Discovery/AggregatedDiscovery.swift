import KubeModel

/// Everything in two documents: `apidiscovery.k8s.io/v2` (KEP-3352).
/// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
struct AggregatedDiscovery: Sendable {
  let catalog: Catalog

  /// The content type to answer with if the client asks for aggregated discovery in a version we speak, in its order of preference.
  static func negotiate(_ accept: String?) -> (contentType: String, version: String)? {
    for range in MediaRange.parse(accept ?? "") where range.isJSON {
      guard let form: String = range.parameters["as"] else { return nil }
      guard form == "APIGroupDiscoveryList", range.parameters["g"] == "apidiscovery.k8s.io",
        let version: String = range.parameters["v"], version == "v2" || version == "v2beta1"
      else { continue }
      return ("application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList", version)
    }
    return nil
  }

  /// `core`: the document at `/api`; otherwise the one at `/apis`.
  func document(core: Bool, version: String) -> JSONValue {
    let items: [JSONValue] = catalog.groups.filter { $0.name.isEmpty == core }.map { group in
      let versions: [JSONValue] = group.versions.map { version in
        [
          "version": .string(version),
          "resources": .array(catalog.resources(group: group.name, version: version).map { entry($0) }), "freshness": "Current",
        ]
      }
      let metadata: JSONValue = group.name.isEmpty ? ["creationTimestamp": nil] : ["name": .string(group.name), "creationTimestamp": nil]
      return ["metadata": metadata, "versions": .array(versions)]
    }
    return [
      "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:], "items": .array(items),
    ]
  }

  private func kind(_ group: String, _ version: String, _ kind: String) -> JSONValue {
    ["group": .string(group), "version": .string(version), "kind": .string(kind)]
  }

  private func entry(_ resource: Resource) -> JSONValue {
    var entry: JSONValue = [
      "resource": .string(resource.name.resource),
      "responseKind": kind(resource.name.group, resource.name.version, resource.name.kind),
      "scope": resource.isNamespaced ? "Namespaced" : "Cluster", "singularResource": .string(resource.singular),
      "verbs": .array(resource.verbs.map { .string($0) }),
    ]
    if !resource.shortNames.isEmpty { entry["shortNames"] = .array(resource.shortNames.map { .string($0) }) }
    if !resource.categories.isEmpty { entry["categories"] = .array(resource.categories.map { .string($0) }) }
    if !resource.subresources.isEmpty {
      entry["subresources"] = .array(
        resource.subresources.map { sub in
          [
            "subresource": .string(sub.name), "responseKind": kind(sub.kind.group, sub.kind.version, sub.kind.kind),
            "verbs": .array(sub.verbs.map { .string($0) }),
          ]
        })
    }
    return entry
  }
}
