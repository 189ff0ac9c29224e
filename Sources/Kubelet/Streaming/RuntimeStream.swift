import HTTP
import HTTPTypes
import NIOCore
import Primitives

/// Connections to the runtime's streaming server.
enum RuntimeStream {
  static let spdy = "SPDY/3.1"
  /// Errors at the end are a Status with the exit code in it.
  static let commandProtocol = "v4.channel.k8s.io"
  static let forwardProtocol = "portforward.k8s.io"
  private static let streamProtocol = HTTPField.Name("X-Stream-Protocol-Version")!

  /// A connection that speaks SPDY from here on. `protocols`: what is offered for its streams.
  static func open(_ place: StreamingPlace, protocols: [String], group: any EventLoopGroup) async throws -> (HTTPResponse, DuplexStream) {
    var fields = HTTPFields()
    fields[HTTPField.Name("Connection")!] = "Upgrade"
    fields[HTTPField.Name("Upgrade")!] = spdy
    for name in protocols { fields.append(HTTPField(name: streamProtocol, value: name)) }
    let request = HTTPRequest(method: .post, scheme: "http", authority: place.authority, path: place.path, headerFields: fields)
    let outcome: UpgradeClient.Outcome
    do {
      let stream: DuplexStream = try await DuplexConnector.connect(
        to: .host(place.host, port: place.port), timeout: KubeletLimits.streamConnect, group: group)
      outcome = try await UpgradeClient.upgrade(stream, request)
    } catch let error as HTTPError {
      throw KubeletError(.runtimeFailed, "The container runtime's streaming server at \(place.authority) does not answer.", cause: error)
    }
    switch outcome {
    case .switched(let head, let stream): return (head, stream)
    case .refused(let head, let body):
      throw KubeletError(
        .runtimeFailed, "The container runtime refused to stream (\(head.status.code)): \(String(buffer: body).prefix(500))")
    }
  }
}
