import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import NIOPosix
import Synchronization

/// What the lab's web image does, in this process: simulated pods of that image answer on loopback addresses, so that a drill has
/// something to ask where containers cannot run. Its answers say that they are simulated.
final class SimulatedWebs: Sendable {
  static let imagePrefix = "tricenter.local/web:"
  static let defaultPort: Int = 8_080
  private let servers: Mutex<[String: HTTPServer]> = Mutex([:])

  /// Serves for a container if its image is the web image and its address can be listened on without a network of its own.
  func start(_ container: String, image: String, address: String, environment: [String: String]) async {
    guard image.hasPrefix(Self.imagePrefix), address.hasPrefix("127.") else { return }
    let port: Int = environment["PORT"].flatMap { Int($0) } ?? Self.defaultPort
    let page: JSONValue = [
      "pod": .string(environment["POD_NAME"] ?? ""), "host": .string(environment["NODE_NAME"] ?? ""),
      "center": .string(environment["CENTER"] ?? ""), "simulated": true,
    ]
    let server = HTTPServer(
      HTTPServerConfiguration(address: .host(address, port: port), group: MultiThreadedEventLoopGroup.singleton, grace: .zero),
      responder: Page(body: page.serialized()))
    do {
      try await server.start()
      servers.withLock { $0[container] = server }
    } catch {
      // A pod that cannot listen is a pod that does not answer: whoever asks it sees that.
      await server.shutdown()
    }
  }

  func stop(_ containers: [String]) async {
    let stopped: [HTTPServer] = servers.withLock { servers in containers.compactMap { servers.removeValue(forKey: $0) } }
    for server in stopped { await server.shutdown() }
  }

  private struct Page: Responder {
    let body: [UInt8]
    func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
      try await response.respond(.ok, contentType: "application/json", ByteBuffer(bytes: body))
    }
  }
}
