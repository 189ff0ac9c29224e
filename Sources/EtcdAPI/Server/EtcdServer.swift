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
    metrics: PrometheusRegistry = .shared
  ) {
    let service = EtcdService(store: store, directory: directory, logger: configuration.logger)
    let table = MethodTable(service)
    let router = GRPCRouter(messageLimit: EtcdLimits.messageBytes) { table.handler(for: $0) }
    server = HTTPServer(configuration, streams: router.route, responder: EtcdPlainResponder(service: service, metrics: metrics))
  }

  public func start() async throws { try await server.start() }
  public func shutdown() async { await server.shutdown() }
  /// Until the task is cancelled.
  public func run() async throws { try await server.run() }
  public var port: Int? { server.port }
  public var connections: Int { server.connections }
}
