import KubeClient
import KubeModel

/// Which resources the server has, by its discovery documents: custom ones as well as built-in ones. One version per resource: the
/// group's preferred one. https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
struct ResourceDirectory: Sendable {
  struct Entry: Hashable, Sendable {
    var resource: ResourceName
    var verbs: Set<String>
  }
  private(set) var entries: [Entry] = []
  private var byKind: [String: ResourceName] = [:]

  init(entries: [Entry]) {
    self.entries = entries
    for entry in entries { byKind["\(entry.resource.group)/\(entry.resource.kind)"] = entry.resource }
  }

  init(client: KubeClient) async throws {
    var entries: [Entry] = Self.entries(try await client.document(path: "/api/v1"), group: "", version: "v1")
    for group in try await client.document(path: "/apis")["groups"].array {
      guard let name: String = group["name"].string,
        let version: String = group["preferredVersion"]["version"].string ?? group["versions"][0]["version"].string
      else { continue }
      entries += Self.entries(try await client.document(path: "/apis/\(name)/\(version)"), group: name, version: version)
    }
    self.init(entries: entries)
  }

  private static func entries(_ list: JSONValue, group: String, version: String) -> [Entry] {
    list["resources"].array.compactMap { item in
      guard let resource: String = item["name"].string, !resource.contains("/"), let kind: String = item["kind"].string else { return nil }
      return Entry(
        resource: ResourceName(
          group: group, version: version, resource: resource, kind: kind, namespaced: item["namespaced"].bool ?? false),
        verbs: Set(item["verbs"].array.compactMap(\.string)))
    }
  }

  /// The resource that an owner reference means; nil for a kind that the server does not have.
  func resource(apiVersion: String, kind: String) -> ResourceName? {
    let group: Substring = apiVersion.contains("/") ? apiVersion.prefix { $0 != "/" } : ""
    return byKind["\(group)/\(kind)"]
  }

  func all(verbs: Set<String>, namespaced: Bool? = nil) -> [ResourceName] {
    entries.filter { $0.verbs.isSuperset(of: verbs) && (namespaced == nil || $0.resource.namespaced == namespaced) }.map(\.resource)
  }
}
