import KubeModel

/// One Kubernetes object as runbooks write it: `apps/v1/Deployment/shop/web`, `v1/Node/prod-1`.
public struct ObjectReference: Hashable, Sendable, CustomStringConvertible {
  public var resource: ResourceName
  public var namespace: String
  public var name: String

  public var description: String { "\(resource.apiVersion)/\(resource.kind)/\(namespace.isEmpty ? name : "\(namespace)/\(name)")" }

  /// The reference, or why the text is none.
  public static func parse(_ text: String) -> Result<ObjectReference, DrillError> {
    func refused(_ reason: String) -> Result<ObjectReference, DrillError> { .failure(DrillError(.badRunbook, reason)) }
    let parts: [String] = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 3, !parts.contains("") else {
      return refused("\"\(text)\" names no object: write apiVersion/Kind/namespace/name, such as apps/v1/Deployment/shop/web")
    }
    // Versions begin with v and a digit; a group stands before.
    let hasGroup: Bool = !Self.isVersion(parts[0])
    let rest: [String] = Array(parts.dropFirst(hasGroup ? 2 : 1))
    let key = GroupVersionKind(group: hasGroup ? parts[0] : "", version: parts[hasGroup ? 1 : 0], kind: rest.first ?? "")
    guard let definition: ResourceDefinition = Registry.shared.definition(kind: key) else {
      return refused("no kind \(key.kind) is served in \(hasGroup ? "\(key.group)/" : "")\(key.version)")
    }
    let wanted: Int = definition.name.namespaced ? 3 : 2
    guard rest.count == wanted else {
      return refused(
        definition.name.namespaced ? "a \(key.kind) has a namespace: \(key.kind)/namespace/name" : "a \(key.kind) has no namespace")
    }
    return .success(
      ObjectReference(resource: definition.name, namespace: definition.name.namespaced ? rest[1] : "", name: rest[rest.count - 1]))
  }

  private static func isVersion(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count >= 2 && bytes[0] == UInt8(ascii: "v") && (48...57).contains(bytes[1])
  }
}

/// What a step keeps for the report.
public enum EvidenceSource: Hashable, Sendable {
  case object(ObjectReference)
  /// Which center is active, under which epoch.
  case activation
  /// What every member of the store says of itself.
  case store

  public var name: String {
    switch self {
    case .object(let reference): reference.description
    case .activation: "activation"
    case .store: "store"
    }
  }
}
