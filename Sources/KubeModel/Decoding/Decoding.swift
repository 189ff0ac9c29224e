import Primitives

/// What became of a request's body once it was read as a kind.
public struct DecodedObject: Sendable {
  public var object: KubeObject
  /// Paths of fields that the kind does not have; they are left out of `object`.
  public var unknownFields: [String]
  /// The first value of a wrong type, in the words of Go's decoder; nil if all fit.
  public var typeError: String?
}

extension ResourceDefinition {
  /// Reads a tree as this kind: drops nulls and unknown fields, brings quantities and times into their canonical form.
  public func decode(_ json: JSONValue) -> DecodedObject { decode(json, as: type) }

  /// Reads a subresource's body, such as a Scale or a Binding.
  public func decode(_ json: JSONValue, as type: TypeID) -> DecodedObject {
    var decoder = ObjectDecoder()
    let object: JSONValue = decoder.object(json, type)
    return DecodedObject(object: KubeObject(object), unknownFields: decoder.unknownFields, typeError: decoder.typeError)
  }

  /// The 400 for a body that is not of this kind, nil if it is.
  /// - Parameters:
  ///   - duplicates: from `JSONValue.parseReportingDuplicates`.
  ///   - strict: `fieldValidation=Strict`: unknown and duplicate fields are refused, too.
  public func refusal(of decoded: DecodedObject, duplicates: [String] = [], strict: Bool) -> KubeStatus? {
    let prefix: String = "\(name.kind) in version \"\(name.version)\" cannot be handled as a \(name.kind): "
    if let typeError: String = decoded.typeError { return .badRequest(prefix + typeError) }
    guard strict, let warnings: String = Self.strictMessage(unknown: decoded.unknownFields, duplicates: duplicates) else { return nil }
    return .badRequest(prefix + "strict decoding error: " + warnings)
  }

  private static func strictMessage(unknown: [String], duplicates: [String]) -> String? {
    let all: [String] = warnings(unknown: unknown, duplicates: duplicates)
    return all.isEmpty ? nil : all.joined(separator: ", ")
  }

  /// One text per field for `Warning` headers (`fieldValidation=Warn`, the default).
  public static func warnings(unknown: [String], duplicates: [String]) -> [String] {
    unknown.map { "unknown field \"\($0)\"" } + duplicates.map { "duplicate field \"\($0)\"" }
  }

  /// The 400 for a body whose apiVersion or kind is not this kind's; absent ones are filled in by the caller from the path.
  public func kindRefusal(_ object: KubeObject) -> KubeStatus? {
    if !object.apiVersion.isEmpty, object.apiVersion != name.apiVersion {
      return .badRequest(
        "the API version in the data (\(object.apiVersion)) does not match the expected API version (\(name.apiVersion))")
    }
    if !object.kind.isEmpty, object.kind != name.kind {
      return .badRequest("\(object.kind) in version \"\(name.version)\" cannot be handled as a \(name.kind)")
    }
    return nil
  }
}
