import KubeModel

/// A second way to find objects in an informer's cache: a function from an object to the values it is found under.
public struct InformerIndex: Sendable {
  public let name: String
  let values: @Sendable (KubeObject) -> [String]

  public init(_ name: String, values: @escaping @Sendable (KubeObject) -> [String]) {
    self.name = name
    self.values = values
  }

  /// Every informer has it; cluster-wide objects lie under "".
  public static let namespace = InformerIndex("namespace") { [$0.namespace] }
  /// By uid of the owner with `controller: true`.
  public static let controller = InformerIndex("controller") { object in
    object.controllerReference?["uid"].string.map { [$0] } ?? []
  }
  /// By uid of every owner.
  public static let owners = InformerIndex("owners") { object in object.ownerReferences.compactMap { $0["uid"].string } }
  public static let uid = InformerIndex("uid") { [$0.uid] }
  /// Pods by `spec.nodeName`, those without under "".
  public static let node = InformerIndex("node") { [$0.spec["nodeName"].string ?? ""] }
  /// By a label's value together with the namespace: `namespace/value`.
  public static func label(_ label: String) -> InformerIndex {
    InformerIndex("label:\(label)") { object in object.labels[label].map { ["\(object.namespace)/\($0)"] } ?? [] }
  }
}
