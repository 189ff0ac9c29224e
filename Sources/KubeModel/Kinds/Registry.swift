/// All kinds that are served.
public struct Registry: Sendable {
  public static let shared = Registry([
    .namespaces, .nodes, .pods, .services, .endpoints, .configMaps, .secrets, .serviceAccounts, .events, .bindings, .deployments,
    .replicaSets, .endpointSlices, .leases, .newEvents, .selfSubjectAccessReviews, .selfSubjectReviews, .centers, .clusters, .failovers,
    .drills, .decisions, .vantages, .gates, .runbookRuns, .runbookApprovals,
  ])

  public let definitions: [ResourceDefinition]
  private let byResource: [ResourceKey: Int]
  private let byKind: [GroupVersionKind: Int]

  private struct ResourceKey: Hashable {
    let group: String
    let version: String
    let resource: String
  }

  init(_ definitions: [ResourceDefinition]) {
    self.definitions = definitions
    byResource = Dictionary(
      uniqueKeysWithValues: definitions.enumerated().map {
        (ResourceKey(group: $0.element.name.group, version: $0.element.name.version, resource: $0.element.name.resource), $0.offset)
      })
    byKind = Dictionary(uniqueKeysWithValues: definitions.enumerated().map { ($0.element.kind, $0.offset) })
  }

  /// By the parts of an API path.
  public func definition(group: String, version: String, resource: String) -> ResourceDefinition? {
    byResource[ResourceKey(group: group, version: version, resource: resource)].map { definitions[$0] }
  }
  public func definition(_ name: ResourceName) -> ResourceDefinition? {
    definition(group: name.group, version: name.version, resource: name.resource)
  }
  public func definition(kind: GroupVersionKind) -> ResourceDefinition? { byKind[kind].map { definitions[$0] } }
  /// By an object's own `apiVersion` and `kind`.
  public func definition(of object: KubeObject) -> ResourceDefinition? {
    let parts: [Substring] = object.apiVersion.split(separator: "/", maxSplits: 1)
    guard let version: Substring = parts.last else { return nil }
    return definition(
      kind: GroupVersionKind(group: parts.count > 1 ? String(parts[0]) : "", version: String(version), kind: object.kind))
  }

  /// Groups in the order in which discovery shows them, each with its version: the core group first, as the empty string.
  public var groupVersions: [(group: String, version: String)] {
    var seen: [(group: String, version: String)] = []
    for definition in definitions
    where !seen.contains(where: { $0.group == definition.name.group && $0.version == definition.name.version }) {
      seen.append((definition.name.group, definition.name.version))
    }
    return seen
  }

  public func definitions(group: String, version: String) -> [ResourceDefinition] {
    definitions.filter { $0.name.group == group && $0.name.version == version }
  }
}
