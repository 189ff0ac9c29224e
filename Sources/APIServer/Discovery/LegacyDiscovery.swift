import KubeModel

/// Discovery documents as they were before aggregation; kubectl falls back to them, client libraries still read them.
/// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
struct LegacyDiscovery: Sendable {
  let catalog: Catalog
  /// Host and port that clients reach this server by.
  let serverAddress: String

  func coreVersions() -> JSONValue {
    [
      "kind": "APIVersions", "versions": ["v1"],
      "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": .string(serverAddress)]],
    ]
  }

  func groupList() -> JSONValue {
    let groups: [JSONValue] = catalog.groups.filter { !$0.name.isEmpty }.map { Self.group($0.name, $0.versions) }
    return ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(groups)]
  }

  func group(_ name: String) -> JSONValue? {
    guard let found = catalog.groups.first(where: { $0.name == name && !name.isEmpty }) else { return nil }
    var document: JSONValue = ["kind": "APIGroup", "apiVersion": "v1"]
    for member in Self.group(found.name, found.versions).object?.members ?? [] { document[member.key] = member.value }
    return document
  }

  private static func group(_ name: String, _ versions: [String]) -> JSONValue {
    let entries: [JSONValue] = versions.map { ["groupVersion": .string("\(name)/\($0)"), "version": .string($0)] }
    return ["name": .string(name), "versions": .array(entries), "preferredVersion": entries[0]]
  }

  func resourceList(group: String, version: String) -> JSONValue? {
    let resources: [Resource] = catalog.resources(group: group, version: version)
    guard !resources.isEmpty else { return nil }
    var entries: [JSONValue] = []
    for resource in resources {
      var entry: JSONValue = [
        "name": .string(resource.name.resource), "singularName": .string(resource.singular), "namespaced": .bool(resource.isNamespaced),
        "kind": .string(resource.name.kind), "verbs": .array(resource.verbs.map { .string($0) }),
      ]
      if !resource.shortNames.isEmpty { entry["shortNames"] = .array(resource.shortNames.map { .string($0) }) }
      if !resource.categories.isEmpty { entry["categories"] = .array(resource.categories.map { .string($0) }) }
      entries.append(entry)
      for sub in resource.subresources {
        var entry: JSONValue = [
          "name": .string("\(resource.name.resource)/\(sub.name)"), "singularName": "", "namespaced": .bool(resource.isNamespaced),
          "kind": .string(sub.kind.kind), "verbs": .array(sub.verbs.map { .string($0) }),
        ]
        if sub.kind.group != resource.name.group || sub.kind.version != resource.name.version {
          entry["group"] = .string(sub.kind.group)
          entry["version"] = .string(sub.kind.version)
        }
        entries.append(entry)
      }
    }
    return [
      "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"),
      "resources": .array(entries),
    ]
  }
}
