import HTTPTypes
import NIOCore
import NIOPosix
import Testing

@testable import HTTP

@Suite struct ShutdownTests {
  /// Two tasks wait for the last connection: the server's own, and the one that stops it. Either was forgotten when the other came after
  /// it, and then the daemon lived until somebody sent SIGKILL.
  @Test(.timeLimit(.minutes(1))) func aServerWithAnOpenWatchEndsWhenItsTaskIsCancelled() async throws {
    for round in 0..<20 {
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
      let server = HTTPServer(
        HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), group: group, logger: quiet("server"), grace: .milliseconds(20)),
        responder: EchoResponder())
      try await server.start()
      let port: Int = try #require(server.port)
      let running = Task { try await server.run() }
      let client = HTTPClient(
        HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], version: .http2, group: group, logger: quiet("client")))
      let watch: ClientResponse = try await client.execute(request(.get, "/wait"), body: nil)
      _ = try await watch.body.next()
      running.cancel()
      try await running.value
      #expect(server.connections == 0, "round \(round)")
      client.close()
      try await group.shutdownGracefully()
    }
  }
}
