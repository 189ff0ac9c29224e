import HTTP
import NIOCore
import Primitives

/// etcd's JSON gateway on the port that speaks gRPC: `POST /v3/…` becomes the gRPC call that it stands for, inside this process, and
/// its answer JSON. Permissions, limits and errors are those of the call: there is no second way into the store.
///
///     curl ─ JSON ─▶ GatewayStream ─ protobuf ─▶ GRPCStream ─▶ the method
///     curl ◀─ JSON ── GatewayWriter ◀─ protobuf ──────────────────┘
struct Gateway: Sendable {
  private let router: GRPCRouter
  private let transcoder: Transcoder
  /// Bytes of a request: a message's, in base64 and with names around it.
  private let bodyLimit: Int

  init(_ router: GRPCRouter, bodyLimit: Int) {
    self.router = router
    self.bodyLimit = bodyLimit
    transcoder = Transcoder(messages: EtcdSchema.messages)
  }

  /// nil: not the gateway's path.
  func route(_ head: StreamHead) -> (any StreamHandler)? {
    var path = String(head.path.prefix { $0 != "?" })
    // The gateway's name in etcd 3.3, which 3.6 still answers to.
    if path.hasPrefix("/v3beta/") { path = "/v3/" + path.dropFirst(8) }
    guard path.hasPrefix("/v3/") else { return nil }
    guard let route: GatewayRoute = GatewayRoute.all[path] else { return GatewayRefusal(GRPCStatus(.notFound, "Not Found")) }
    guard head.method == "POST" else { return GatewayRefusal(GRPCStatus(.unimplemented, "Method Not Allowed")) }
    return GatewayStream(route, router.stream(for: route.method), transcoder, bodyLimit: bodyLimit)
  }
}

/// Answers a request that stands for no call.
final class GatewayRefusal: StreamHandler {
  private let status: GRPCStatus
  init(_ status: GRPCStatus) { self.status = status }
  func onHeaders(_ head: StreamHead, writer: any StreamWriter) { GatewayError.send(status, to: writer) }
  func onData(_ bytes: ByteBuffer) {}
  func onEnd() {}
  func onReset(_ error: HTTPError) {}
}
