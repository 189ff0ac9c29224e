import HTTPTypes
import KubeModel
import NIOCore

/// `/openapi/v2` and `/openapi/v3`. Documents with their hash in the query never change, so clients may keep them.
struct OpenAPIEndpoint: Sendable {
  private static let versionTwoProtobuf: String = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

  func reply(_ info: RequestInfo, accept: String?) throws -> Reply {
    let documents: OpenAPIDocuments = .shared
    switch info.path {
    case "/openapi/v2", "/openapi/v2/": return try versionTwo(documents, accept: accept)
    case "/openapi/v3", "/openapi/v3/": return Reply(documents.index)
    default: break
    }
    guard info.path.hasPrefix("/openapi/v3/"), let document = documents.v3(String(info.path.dropFirst("/openapi/v3/".count))) else {
      throw KubeStatus.unknownPath()
    }
    var reply = Reply(body: ByteBuffer(bytes: document.bytes))
    reply.fields.append((.eTag, "\"\(document.hash)\""))
    if let asked: String = info.query["hash"], asked == document.hash {
      reply.fields.append((.cacheControl, "public, immutable, max-age=31536000"))
    }
    return reply
  }

  /// Old clients ask for protobuf alone; everybody else takes JSON.
  private func versionTwo(_ documents: OpenAPIDocuments, accept: String?) throws -> Reply {
    for range in MediaRange.parse(accept ?? "*/*") where range.quality > 0 {
      if range.isJSON { return Reply(body: ByteBuffer(bytes: documents.v2.bytes)) }
      if range.type == Self.versionTwoProtobuf {
        return Reply(contentType: Self.versionTwoProtobuf, body: ByteBuffer(bytes: documents.v2Protobuf.bytes))
      }
    }
    throw KubeStatus.notAcceptable(accepted: ["application/json", Self.versionTwoProtobuf])
  }
}
