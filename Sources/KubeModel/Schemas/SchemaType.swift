import Primitives

/// The type of a value in an object.
public indirect enum ValueType: Sendable, Hashable {
  case string, boolean, int32, int64, number
  /// Base64 in a string.
  case bytes
  case quantity
  /// RFC 3339, whole seconds.
  case time
  /// RFC 3339, six digits.
  case microTime
  case intOrString
  /// Anything at all: field sets, embedded objects of other kinds.
  case any
  case list(ValueType)
  case map(ValueType)
  case object(TypeID)
}

/// A type's place in `SchemaTable`.
public struct TypeID: Hashable, Sendable {
  let index: Int
}

/// How apply treats a list (`x-kubernetes-list-type`).
/// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
public enum ListKind: Sendable, Hashable {
  /// Replaced as a whole.
  case atomic
  /// Scalars, each owned on its own.
  case set
  /// Objects, told apart by these fields.
  case map(keys: [String])
}

/// How a strategic merge patch treats a field (`x-kubernetes-patch-strategy`, `-merge-key`).
public struct PatchStrategy: Sendable, Hashable {
  public var merge: Bool = false
  public var retainKeys: Bool = false
  public var mergeKey: String?
}

public struct SchemaField: Sendable {
  public let name: String
  public let type: ValueType
  public let isRequired: Bool
  public let list: ListKind?
  /// An object or map that apply replaces as a whole.
  public let isAtomicMap: Bool
  public let patch: PatchStrategy?
  /// Sorted; empty if any value will do.
  public let allowed: [String]
  public let defaultValue: JSONValue?
  let text: UnsafeStaticText

  public var description: String { text.string }
}

/// An object type: what is in a table's `T` block.
public struct SchemaType: Sendable {
  /// `core.v1.Pod`.
  public let name: String
  /// What the Go type is called: `Pod`.
  public let shortName: String
  public let fields: [SchemaField]
  public let kinds: [GroupVersionKind]
  public let isAtomicMap: Bool
  /// Set for names that stand for a scalar or for anything: `resource.Quantity`, `meta.v1.Time`.
  public let scalar: ValueType?
  let text: UnsafeStaticText
  let places: [String: Int]

  public var description: String { text.string }
  public func field(_ name: String) -> SchemaField? { places[name].map { fields[$0] } }

  /// The name in OpenAPI documents, which clients match on: `io.k8s.api.core.v1.Pod`.
  public var openAPIName: String {
    for (short, long) in Self.prefixes where name.hasPrefix(short) { return long + name.dropFirst(short.count) }
    return "io.k8s.api." + name
  }
  private static let prefixes: [(String, String)] = [
    ("meta.v1.", "io.k8s.apimachinery.pkg.apis.meta.v1."), ("resource.", "io.k8s.apimachinery.pkg.api.resource."),
    ("runtime.", "io.k8s.apimachinery.pkg.runtime."), ("intstr.", "io.k8s.apimachinery.pkg.util.intstr."),
    ("version.", "io.k8s.apimachinery.pkg.version."), ("federation.", "io.tricenter.federation."),
  ]
}

public struct GroupVersionKind: Hashable, Sendable, CustomStringConvertible {
  public let group: String
  public let version: String
  public let kind: String
  public init(group: String, version: String, kind: String) {
    self.group = group
    self.version = version
    self.kind = kind
  }
  public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
  public var description: String { "\(apiVersion), Kind=\(kind)" }
}

/// A description inside a table: made into a string when somebody asks, which only `kubectl explain` and OpenAPI do.
struct UnsafeStaticText: @unchecked Sendable {
  // Sendable: points into a StaticString, which is immutable and lives as long as the process.
  let bytes: UnsafeBufferPointer<UInt8>

  static let empty = UnsafeStaticText(bytes: UnsafeBufferPointer(start: nil, count: 0))

  var string: String {
    guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
    var plain: Bytes = []
    plain.reserveCapacity(bytes.count)
    var index: Int = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count {
        index += 1
        plain.append(bytes[index] == UInt8(ascii: "n") ? 0x0A : bytes[index])
      } else {
        plain.append(bytes[index])
      }
      index += 1
    }
    return plain.text
  }
}
