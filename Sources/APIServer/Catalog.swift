import KubeModel

/// All resources this server serves, found by path.
struct Catalog: Sendable {
  let resources: [Resource]
  private let places: [String: Int]
  let namespaces: Resource
  let nodes: Resource
  let pods: Resource
  let services: Resource

  init(_ resources: [Resource]) {
    self.resources = resources
    places = Dictionary(uniqueKeysWithValues: resources.enumerated().map { (Self.key($1.name), $0) })
    func core(_ name: ResourceName) -> Resource {
      guard let found: Resource = resources.first(where: { $0.name == name }) else { preconditionFailure("the model has no \(name)") }
      return found
    }
    namespaces = core(.namespaces)
    nodes = core(.nodes)
    pods = core(.pods)
    services = core(.services)
  }

  private static func key(_ name: ResourceName) -> String { "\(name.group)/\(name.version)/\(name.resource)" }

  func resource(group: String, version: String, resource: String) -> Resource? {
    places["\(group)/\(version)/\(resource)"].map { resources[$0] }
  }

  /// Groups in the order kubectl should try them: core first, then as the model lists them.
  var groups: [(name: String, versions: [String])] {
    var groups: [(name: String, versions: [String])] = []
    for resource in resources {
      if let index: Int = groups.firstIndex(where: { $0.name == resource.name.group }) {
        if !groups[index].versions.contains(resource.name.version) { groups[index].versions.append(resource.name.version) }
      } else {
        groups.append((name: resource.name.group, versions: [resource.name.version]))
      }
    }
    return groups.sorted { ($0.name.isEmpty ? 0 : 1) < ($1.name.isEmpty ? 0 : 1) }
  }

  func resources(group: String, version: String) -> [Resource] {
    resources.filter { $0.name.group == group && $0.name.version == version }
  }
}
