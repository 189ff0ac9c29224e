import Primitives

/// The API's description of itself, made from the same tables as everything else. Documents are made once, when they are first asked for.
public struct OpenAPIDocuments: Sendable {
  public static let shared = OpenAPIDocuments(.shared)

  /// The version that documents carry: that of the Kubernetes API which is served.
  public static let version: String = "v1.36.0"

  /// What clients ask for the protobuf form by.
  public static let v2ProtobufAccept: String = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
  /// What the answer must be called: kubectl refuses a media type with an `@` as malformed.
  public static let v2ProtobufContentType: String = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

  private let registry: Registry
  private let version3: [String: Document]
  private let version2: Document

  /// A document's bytes and a hash of them for `?hash=` and ETag.
  public struct Document: Sendable {
    public let bytes: Bytes
    public let hash: String

    init(_ bytes: Bytes) {
      self.bytes = bytes
      // FNV-1a, 64 bits, twice with other starts: a name for content, no protection.
      func fold(_ start: UInt64) -> String {
        let value: UInt64 = bytes.reduce(start) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: 16 - digits.count) + digits
      }
      hash = fold(0xCBF2_9CE4_8422_2325) + fold(0x8422_2325_CBF2_9CE4)
    }
  }

  init(_ registry: Registry) {
    self.registry = registry
    var version3: [String: Document] = [:]
    for (group, version) in registry.groupVersions {
      version3[Self.path(group, version)] = Document(Self.version3(registry.definitions(group: group, version: version)).serialized())
    }
    self.version3 = version3
    version2 = Document(Self.version2(registry.definitions).serialized())
  }

  private static func path(_ group: String, _ version: String) -> String { group.isEmpty ? "api/\(version)" : "apis/\(group)/\(version)" }

  /// `GET /openapi/v3`: which documents there are.
  public var index: JSONValue {
    let paths: [(String, JSONValue)] = version3.sorted { $0.key < $1.key }.map { path, document in
      (path, ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(document.hash)")])
    }
    return ["paths": .object(JSONObject(paths))]
  }

  /// `GET /openapi/v3/apis/apps/v1`, by what follows `/openapi/v3/`; nil if nothing is served there.
  public func v3(_ path: String) -> Document? { version3[path] }
  public func v3(group: String, version: String) -> Document? { version3[Self.path(group, version)] }

  /// `GET /openapi/v2` as JSON.
  public var v2: Document { version2 }

  /// `GET /openapi/v2` for clients whose Accept is `v2ProtobufAccept`, answered with the media type `v2ProtobufContentType`.
  public var v2Protobuf: Document { Self.protobuf }
  private static let protobuf = Document(OpenAPIProtobuf.encode(version2(Registry.shared.definitions)))

  private static let common: [String] = [
    "meta.v1.Status", "meta.v1.DeleteOptions", "meta.v1.ListMeta", "meta.v1.Patch", "meta.v1.APIResourceList", "meta.v1.WatchEvent",
  ]

  private static func roots(_ definitions: [ResourceDefinition]) -> [TypeID] {
    definitions.map(\.type) + definitions.flatMap { $0.subresources.compactMap { ResourceDefinition.bodyType($0.kind) } }
      + common.compactMap { SchemaTable.shared.id($0) }
  }

  private static func schemas(_ definitions: [ResourceDefinition], version3: Bool) -> JSONValue {
    let writer = OpenAPISchemas(version3: version3)
    var members: [(String, JSONValue)] = OpenAPISchemas.closure(of: roots(definitions)).map { id in
      let type: SchemaType = SchemaTable.shared[id]
      var schema: JSONValue = writer.definition(type)
      // These belong to every group; kubectl finds them by kind.
      if type.name == "meta.v1.DeleteOptions" || type.name == "meta.v1.WatchEvent" {
        let groups: Set<String> = Set(definitions.map { $0.name.apiVersion })
        schema["x-kubernetes-group-version-kind"] = .array(
          groups.sorted().map { apiVersion in
            let parts: [Substring] = apiVersion.split(separator: "/")
            return OpenAPISchemas.kind(
              GroupVersionKind(group: parts.count > 1 ? String(parts[0]) : "", version: String(parts.last ?? ""), kind: type.shortName))
          })
      } else if type.name == "meta.v1.Status" || type.name == "meta.v1.APIResourceList" {
        schema["x-kubernetes-group-version-kind"] = [OpenAPISchemas.kind(GroupVersionKind(group: "", version: "v1", kind: type.shortName))]
      }
      return (type.openAPIName, schema)
    }
    members += definitions.filter { $0.verbs.contains("list") }.map { (OpenAPIPaths.listName($0), writer.list($0)) }
    return .object(JSONObject(members.sorted { $0.0 < $1.0 }))
  }

  private static func paths(_ definitions: [ResourceDefinition], version3: Bool) -> JSONValue {
    let writer = OpenAPIPaths(version3: version3)
    return .object(JSONObject(definitions.flatMap { writer.paths(of: $0) }.sorted { $0.0 < $1.0 }))
  }

  private static let info: JSONValue = ["title": "Kubernetes", "version": .string(version)]

  static func version3(_ definitions: [ResourceDefinition]) -> JSONValue {
    [
      "openapi": "3.0.0", "info": info, "paths": paths(definitions, version3: true),
      "components": ["schemas": schemas(definitions, version3: true)],
    ]
  }

  static func version2(_ definitions: [ResourceDefinition]) -> JSONValue {
    [
      "swagger": "2.0", "info": info, "paths": paths(definitions, version3: false), "definitions": schemas(definitions, version3: false),
    ]
  }
}
