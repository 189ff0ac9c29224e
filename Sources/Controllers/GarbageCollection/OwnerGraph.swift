import KubeModel

/// Who owns whom, over all objects that the informers show. Pure; uids are the nodes.
struct OwnerGraph: Sendable {
  struct Node: Sendable {
    var resource: ResourceName
    var namespace: String
    var name: String
    var owners: [JSONValue]
    var isBeingDeleted: Bool
    var finalizers: [String]

    init(_ resource: ResourceName, _ object: KubeObject) {
      self.resource = resource
      namespace = object.namespace
      name = object.name
      owners = object.ownerReferences
      isBeingDeleted = object.isBeingDeleted
      finalizers = object.finalizers
    }

    /// Its deletion waits until its dependents are gone.
    var waitsForDependents: Bool { isBeingDeleted && finalizers.contains(GarbageFinalizer.foreground) }
    var orphansDependents: Bool { isBeingDeleted && finalizers.contains(GarbageFinalizer.orphan) }
  }

  enum Directive: Hashable, Sendable {
    /// Does this object still have an owner?
    case collect(uid: String)
    /// It is being deleted with a finalizer of ours: are we done with its dependents?
    case finish(uid: String)

    var text: String {
      switch self {
      case .collect(let uid): "collect \(uid)"
      case .finish(let uid): "finish \(uid)"
      }
    }
    init?(_ text: String) {
      let parts: [Substring] = text.split(separator: " ")
      guard parts.count == 2 else { return nil }
      self = parts[0] == "collect" ? .collect(uid: String(parts[1])) : .finish(uid: String(parts[1]))
    }
  }

  private(set) var nodes: [String: Node] = [:]
  /// By the owner's uid, whether or not the owner is known.
  private var dependents: [String: Set<String>] = [:]

  func dependents(of uid: String) -> [String] { (dependents[uid] ?? []).sorted() }

  mutating func onObject(_ resource: ResourceName, _ object: KubeObject) -> [Directive] {
    let uid: String = object.uid
    guard !uid.isEmpty else { return [] }
    let node = Node(resource, object)
    let old: Node? = nodes.updateValue(node, forKey: uid)
    var directives: [Directive] = []
    if old?.owners != node.owners {
      for owner in old?.owners ?? [] { unlink(uid, from: owner["uid"].string ?? "") }
      for owner in node.owners { dependents[owner["uid"].string ?? "", default: []].insert(uid) }
      if node.owners.contains(where: { nodes[$0["uid"].string ?? ""] == nil || nodes[$0["uid"].string ?? ""]?.waitsForDependents == true })
      {
        directives.append(.collect(uid: uid))
      }
      // It does not block its former owner any more.
      for owner in old?.owners ?? [] { directives += finishing(owner["uid"].string ?? "") }
    }
    if node.waitsForDependents || node.orphansDependents,
      old?.isBeingDeleted != true || old?.finalizers != node.finalizers
    {
      directives.append(.finish(uid: uid))
    }
    return directives
  }

  mutating func onDeleted(_ uid: String) -> [Directive] {
    guard let node: Node = nodes.removeValue(forKey: uid) else { return [] }
    var directives: [Directive] = dependents(of: uid).map { .collect(uid: $0) }
    for owner in node.owners {
      let ownerUID: String = owner["uid"].string ?? ""
      unlink(uid, from: ownerUID)
      directives += finishing(ownerUID)
    }
    return directives
  }

  private func finishing(_ uid: String) -> [Directive] {
    guard let owner: Node = nodes[uid], owner.waitsForDependents else { return [] }
    return [.finish(uid: uid)]
  }

  private mutating func unlink(_ uid: String, from owner: String) {
    dependents[owner]?.remove(uid)
    if dependents[owner]?.isEmpty == true { dependents[owner] = nil }
  }

  /// Dependents that say `blockOwnerDeletion`, without which a foreground deletion goes on.
  func blockers(of uid: String) -> [String] {
    dependents(of: uid).filter { dependent in
      nodes[dependent]?.owners.contains { $0["uid"].string == uid && $0["blockOwnerDeletion"].bool == true } ?? false
    }
  }
}

/// https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
enum GarbageFinalizer {
  static let foreground: String = "foregroundDeletion"
  static let orphan: String = "orphan"
}
