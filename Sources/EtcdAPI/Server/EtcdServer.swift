import HTTP
import Keyspace
import Logging
import NIOCore
import Observability
import Primitives
import TLS

/// etcd v3 over gRPC on a `KeyValueStore`, with etcd's plain endpoints (`/health`, `/version`, `/metrics`) on the same port.
///
///     let server = EtcdServer(configuration, store: store, directory: store)
///     try await server.run()
public final class EtcdServer: Sendable {
  private let server: HTTPServer

  /// `configuration.tls` should require client certificates; `configuration.group` should be the store's event loop where it has one.
  public init(
    _ configuration: HTTPServerConfiguration, store: any KeyValueStore, directory: any MemberDirectory,
    options: EtcdOptions = EtcdOptions(), metrics: PrometheusRegistry = .shared
  ) {
    let service = EtcdService(store: store, directory: directory, options: options, logger: configuration.logger)
    let table = MethodTable(service)
    let messageLimit: Int = options.maxRequestBytes + EtcdLimits.messageOverheadBytes
    let router = GRPCRouter(messageLimit: messageLimit) { table.handler(for: $0) }
    let gateway = Gateway(router, bodyLimit: 2 * messageLimit)
    server = HTTPServer(
      configuration, streams: { head in router.route(head) ?? gateway.route(head) },
      responder: EtcdPlainResponder(service: service, metrics: metrics))
  }

  /// Of etcd's contract that is served.
  public static var version: String { EtcdService.version }

  public func start() async throws { try await server.start() }
  public func shutdown() async { await server.shutdown() }
  /// Until the task is cancelled.
  public func run() async throws { try await server.run() }
  public var port: Int? { server.port }
  public var connections: Int { server.connections }
}
