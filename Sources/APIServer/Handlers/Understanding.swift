import KubeModel
import NIOCore

/// An object that a client sent, understood: of the right kind, pruned, with defaults.
struct UnderstoodObject: Sendable {
  var object: KubeObject
  var warnings: [String]
}

extension Handlers {
  /// Checks kind and version, reports or refuses unknown and repeated fields, and fills in defaults.
  func understand(_ document: RequestDocument, _ resource: Resource, _ options: WriteOptions) throws -> UnderstoodObject {
    guard case .object = document.value else {
      throw KubeStatus.badRequest("the object provided is unrecognized: its JSON is not an object")
    }
    var object = KubeObject(document.value)
    try checkKind(object, kind: resource.name.kind, apiVersion: resource.name.apiVersion)
    object.kind = resource.name.kind
    object.apiVersion = resource.name.apiVersion
    return try finish(&object, duplicates: document.duplicates, resource, options)
  }

  /// For what came out of a patch: kind and version are known to be right.
  func finish(_ object: inout KubeObject, duplicates: [String], _ resource: Resource, _ options: WriteOptions) throws -> UnderstoodObject {
    let decoded: DecodedObject = resource.definition.decode(object.json)
    let isStrict: Bool = options.validation == .strict
    if let refusal: KubeStatus = resource.definition.refusal(of: decoded, duplicates: duplicates, strict: isStrict) { throw refusal }
    let warnings: [String] = ResourceDefinition.warnings(unknown: decoded.unknownFields, duplicates: duplicates)
    object = decoded.object
    if object.metadata.isNull { object.metadata = [:] }
    resource.definition.applyDefaults(&object)
    return UnderstoodObject(object: object, warnings: options.validation == .warn ? warnings : [])
  }

  func checkKind(_ object: KubeObject, kind: String, apiVersion: String) throws {
    if !object.kind.isEmpty, object.kind != kind {
      throw KubeStatus.badRequest("the kind in the data (\(object.kind)) does not match the expected kind (\(kind))")
    }
    if !object.apiVersion.isEmpty, object.apiVersion != apiVersion {
      throw KubeStatus.badRequest(
        "the API version in the data (\(object.apiVersion)) does not match the expected API version (\(apiVersion))")
    }
  }

  /// Name and namespace of path and body must agree; what the body leaves out, the path says.
  func identify(_ object: inout KubeObject, _ resource: Resource, _ info: RequestInfo) throws {
    if resource.isNamespaced {
      if object.namespace.isEmpty {
        object.json["metadata"]["namespace"] = .string(info.namespace)
      } else if object.namespace != info.namespace {
        throw KubeStatus.badRequest("the namespace of the provided object does not match the namespace sent on the request")
      }
    } else {
      object.json["metadata"]["namespace"] = .null
    }
    guard !info.name.isEmpty else { return }
    if object.name.isEmpty {
      object.json["metadata"]["name"] = .string(info.name)
    } else if object.name != info.name {
      throw KubeStatus.badRequest("the name of the object (\(object.name)) does not match the name on the URL (\(info.name))")
    }
  }
}
