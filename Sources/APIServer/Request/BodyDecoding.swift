import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives

/// The request's body as a tree, by its content type.
struct RequestDocument: Sendable {
  var value: JSONValue
  /// Names given twice, as paths; a finding of strict decoding.
  var duplicates: [String]
}

enum BodyDecoding {
  static let documentTypes: [String] = ["application/json", "application/yaml", ProtobufDocument.mediaType]

  /// The media type without parameters, in lower case; JSON when none is given, as Kubernetes reads bodies.
  static func mediaType(_ head: HTTPRequest) -> String {
    guard let field: String = head.headerFields[.contentType] else { return "application/json" }
    return MediaRange.trim(field.split(separator: ";").first ?? "").lowercased()
  }

  static func collect(_ request: ServerRequest, limit: Int) async throws -> ByteBuffer {
    if let text: String = request.head.headerFields[.contentLength], let length = Int(text), length > limit {
      throw KubeStatus.bodyTooLarge(limit: limit)
    }
    do {
      return try await request.body.collect(upTo: limit)
    } catch let error as HTTPError where error.code == .bodyTooLarge {
      throw KubeStatus.bodyTooLarge(limit: limit)
    }
  }

  /// A body that holds one object.
  static func document(_ bytes: ByteBuffer, mediaType: String) throws -> RequestDocument {
    switch mediaType {
    case "application/json", "*/*": return try json(bytes)
    case "application/yaml", "text/yaml", "application/x-yaml":
      return RequestDocument(value: try YAMLDocument.json(String(buffer: bytes)), duplicates: [])
    case ProtobufDocument.mediaType: return RequestDocument(value: try ProtobufDocument.json(bytes), duplicates: [])
    default: throw KubeStatus.unsupportedMediaType(accepted: documentTypes)
    }
  }

  static func json(_ bytes: ByteBuffer) throws -> RequestDocument {
    do {
      let parsed = try JSONValue.parseReportingDuplicates(Bytes(bytes.readableBytesView))
      return RequestDocument(value: parsed.value, duplicates: parsed.duplicates)
    } catch {
      throw KubeStatus.badRequest("the request's body is not readable as JSON: \(error.message)")
    }
  }
}
