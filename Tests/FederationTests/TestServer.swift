import APIServer
import HTTP
import KubeClient
import Keyspace
import Logging
import Primitives
import TLS

/// An API server in this process, and clients by whom it says they are.
struct TestServer: Sendable {
  let api: APIServer

  /// Whoever starts it stops it.
  static func start(_ store: LocalKeyspace = LocalKeyspace()) async throws -> TestServer {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let api = APIServer(
      configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1, logger: logger), store: store)
    try await api.start()
    return TestServer(api: api)
  }
  func stop() { api.stop() }

  func client(_ user: String, _ groups: [String]) -> KubeClient {
    KubeClient(
      transport: InProcessTransport(responder: api, peer: PeerIdentity(commonName: user, organizations: groups)), fieldManager: user)
  }
  /// As the federation's daemons have it.
  var daemons: KubeClient { client("tricenter:federation", ["system:masters"]) }
}
