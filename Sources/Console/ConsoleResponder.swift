import HTTP
import HTTPTypes
import KubeClient
import NIOCore
import Primitives

/// `/console/`: one page that stands alone, and `/console/state.json`, from which it draws the federation. Who may see it is decided by
/// the listener (a verified client certificate) before a request comes here; nothing can be changed through it.
public struct ConsoleResponder: Responder {
  private let reader: ConsoleReader
  private let clock: any TimeSource
  private let next: (any Responder)?

  /// `next` answers every path outside `/console`; without it these are 404. `client` needs to read centers, clusters, failovers, nodes,
  /// pods, events and the leases of `tricenter-system`.
  public init(client: KubeClient, clock: any TimeSource = SystemClock(), next: (any Responder)? = nil) {
    precondition(ConsoleLimits.look < ConsoleLimits.patience, "a look that is over before a slow list would never show it")
    reader = ConsoleReader(client: client, clock: clock)
    self.clock = clock
    self.next = next
  }

  public func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    let path: Substring = (request.head.path ?? "/").prefix { $0 != "?" }
    guard path == "/console" || path.hasPrefix("/console/") else {
      if let next { return try await next.respond(to: request, through: response) }
      return try await Self.refuse(.notFound, "There is nothing at \(path); the console is at /console/.", response)
    }
    guard request.head.method == .get else {
      return try await Self.refuse(.methodNotAllowed, "The console only shows: GET is the only method.", response)
    }
    switch path {
    case "/console":
      var head = HTTPResponse(status: .permanentRedirect)
      head.headerFields[.location] = "/console/"
      head.headerFields[.contentLength] = "0"
      try await response.send(head)
      try await response.finish()
    case "/console/": try await Self.send("text/html; charset=utf-8", ByteBuffer(string: ConsolePage.html), response)
    case "/console/state.json":
      let sources: ConsoleSources = await reader.look()
      let state = ConsoleState(sources, wall: clock.wall(), now: clock.now())
      try await Self.send("application/json", ByteBuffer(bytes: state.json.serialized()), response)
    default: try await Self.refuse(.notFound, "The console has no page \(path).", response)
    }
  }

  private static func refuse(_ status: HTTPResponse.Status, _ sentence: String, _ response: any ResponseWriter) async throws {
    try await response.respond(status, contentType: "text/plain; charset=utf-8", ByteBuffer(string: sentence + "\n"))
  }

  /// The page's own style and script and nothing else may run, and nobody may put it into a frame.
  private static func send(_ contentType: String, _ body: ByteBuffer, _ response: any ResponseWriter) async throws {
    var head = HTTPResponse(status: .ok)
    head.headerFields[.contentType] = contentType
    head.headerFields[.contentLength] = String(body.readableBytes)
    head.headerFields[.cacheControl] = "no-store"
    head.headerFields[.xContentTypeOptions] = "nosniff"
    head.headerFields[.contentSecurityPolicy] =
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'"
    try await response.send(head)
    try await response.write(body)
    try await response.finish()
  }
}
