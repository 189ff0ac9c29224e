import Primitives

/// One kind of object, whole: where it is served, what its fields are, how it is defaulted, validated, shown. Everything that the
/// apiserver does by kind it takes from here.
public struct ResourceDefinition: Sendable {
  public struct Subresource: Sendable {
    /// `status`, `scale`, `binding`, `eviction`, `token`.
    public let name: String
    public let kind: GroupVersionKind
    public let verbs: [String]
    /// Carries a stream and no objects: `log`, `exec`, `attach`, `portforward`.
    public var isStream: Bool { ["log", "exec", "attach", "portforward"].contains(name) }
  }

  public let name: ResourceName
  public let singular: String
  public let shortNames: [String]
  public let categories: [String]
  /// Empty for kinds that only exist as a request (`bindings`: create).
  public let verbs: [String]
  public let subresources: [Subresource]
  /// The type of whole objects, in `SchemaTable`.
  public let type: TypeID
  /// Fields that a field selector may name, besides metadata.name and metadata.namespace.
  public let selectableFields: [SelectableField]
  public let columns: [TableColumn]
  let behaviour: ResourceBehaviour

  public struct SelectableField: Sendable {
    public let name: String
    let path: [String]
    /// What an absent field reads as.
    let absent: String

    init(_ name: String, absent: String = "") {
      self.name = name
      path = name.split(separator: ".").map(String.init)
      self.absent = absent
    }
  }

  init(
    _ name: ResourceName, type: String, singular: String? = nil, shortNames: [String] = [], categories: [String] = [],
    verbs: [String] = ResourceDefinition.allVerbs, subresources: [Subresource] = [], selectable: [SelectableField] = [],
    columns: [TableColumn] = TableColumn.nameAndAge, behaviour: ResourceBehaviour = ResourceBehaviour()
  ) {
    guard let id: TypeID = SchemaTable.shared.id(type) else { preconditionFailure("no schema type is called \(type)") }
    self.name = name
    self.type = id
    self.singular = singular ?? name.kind.lowercased()
    self.shortNames = shortNames
    self.categories = categories
    self.verbs = verbs
    self.subresources = subresources
    self.selectableFields = selectable
    self.columns = columns
    self.behaviour = behaviour
  }

  public static let allVerbs: [String] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

  public var kind: GroupVersionKind { GroupVersionKind(group: name.group, version: name.version, kind: name.kind) }
  public var listKind: String { name.kind + "List" }
  public var hasStatus: Bool { subresources.contains { $0.name == "status" } }
  public func subresource(_ name: String) -> Subresource? { subresources.first { $0.name == name } }

  static func status(_ name: ResourceName) -> Subresource {
    Subresource(
      name: "status", kind: GroupVersionKind(group: name.group, version: name.version, kind: name.kind), verbs: ["get", "patch", "update"])
  }
  static let scale = Subresource(
    name: "scale", kind: GroupVersionKind(group: "autoscaling", version: "v1", kind: "Scale"), verbs: ["get", "patch", "update"])
}

/// What differs between kinds in code: every part may be absent.
struct ResourceBehaviour: Sendable {
  typealias Check = @Sendable (JSONValue, inout [FieldError]) -> Void
  typealias UpdateCheck = @Sendable (_ new: JSONValue, _ old: JSONValue, inout [FieldError]) -> Void
  typealias Change = @Sendable (inout JSONValue) -> Void

  /// Complaints about a name.
  var nameRule: @Sendable (String) -> [String] = { NameRules.subdomain($0) }
  /// Whether `metadata.generation` counts changes of everything but metadata and status.
  var hasGeneration: Bool = false
  var defaults: Change?
  var validate: Check?
  var validateUpdate: UpdateCheck?
  var validateStatusUpdate: UpdateCheck?
  /// After defaulting, before validation of a new object.
  var prepareCreate: Change?
  var prepareUpdate: (@Sendable (_ new: inout JSONValue, _ old: JSONValue) -> Void)?
  /// The kind is another one's other face.
  var face: StoredFace?
}
