import KubeModel
import Primitives

/// One resource as this server serves it: what the model says of it, where it is stored, who watches it.
final class Resource: Sendable {
  let definition: ResourceDefinition
  let name: ResourceName
  let folder: Bytes
  let hub: WatchHub

  init(_ definition: ResourceDefinition, layout: StorageLayout, limits: APIServerLimits) {
    self.definition = definition
    name = definition.name
    folder = Bytes(layout.folder(group: definition.storedName.group, resource: definition.storedName.resource))
    hub = WatchHub(limits: limits)
  }

  var isNamespaced: Bool { name.namespaced }
  var listKind: String { definition.listKind }
  var hasStatus: Bool { definition.hasStatus }
  var singular: String { definition.singular }
  var shortNames: [String] { definition.shortNames }
  var categories: [String] { definition.categories }
  var verbs: [String] { definition.verbs }
  var subresources: [ResourceDefinition.Subresource] { definition.subresources }
  /// Kinds that only exist as a request, such as bindings, have no place in the store.
  var isStored: Bool { verbs.contains("get") }

  func path(namespace: String, name: String) -> Bytes {
    Bytes(StorageLayout.path(namespace: isNamespaced ? namespace : "", name: name))
  }
}
