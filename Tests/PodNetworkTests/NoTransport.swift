import HTTP
import HTTPTypes
import KubeClient
import NIOCore

/// For tests that never ask an apiserver.
struct NoTransport: HTTPTransport {
  func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
    throw HTTPError(.connectFailed, "there is no apiserver in this test")
  }
}
