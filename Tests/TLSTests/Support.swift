import Glibc
import Logging
import NIOCore
import NIOEmbedded
import Primitives
import Synchronization

@testable import TLS

let now: WallTime = SystemClock().wall()

/// Two authorities that know nothing of each other, and certificates of the first.
struct Authorities {
  let ours: CertificateAuthority
  let other: CertificateAuthority

  init() throws {
    ours = try CertificateAuthority.create(commonName: "ours", lifetime: .seconds(86_400 * 30), now: now)
    other = try CertificateAuthority.create(commonName: "other", lifetime: .seconds(86_400 * 30), now: now)
  }

  static func leaf(_ name: String, center: String = "production", host: String = "prod-1", daemon: String = "store") -> LeafDescription {
    var leaf = LeafDescription(commonName: name, organizations: ["system:masters", "people"])
    leaf.dnsNames = ["localhost", "\(host).example"]
    leaf.addresses = ["127.0.0.1", "::1"]
    leaf.uris = [IdentityURI(federation: "bank", center: center, host: host, daemon: daemon).description]
    return leaf
  }

  func server(_ name: String = "server", center: String = "production") throws -> TLSIdentity {
    try ours.issue(Self.leaf(name, center: center), now: now)
  }
  func client(_ name: String = "client", center: String = "production") throws -> TLSIdentity {
    try ours.issue(Self.leaf(name, center: center), now: now)
  }

  func serverContext(_ change: (inout TLSContext.Configuration) -> Void = { _ in }) throws -> TLSContext {
    var configuration = TLSContext.Configuration(role: .server, identity: .fixed(try server()), trust: .fixed(ours.trust))
    configuration.applicationProtocols = ["h2", "http/1.1"]
    configuration.logger = quiet
    change(&configuration)
    return try TLSContext(configuration)
  }

  func clientContext(_ change: (inout TLSContext.Configuration) -> Void = { _ in }) throws -> TLSContext {
    var configuration = TLSContext.Configuration(role: .client, identity: .fixed(try client()), trust: .fixed(ours.trust))
    configuration.applicationProtocols = ["h2"]
    configuration.logger = quiet
    change(&configuration)
    return try TLSContext(configuration)
  }
}

let quiet: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// What reached the handlers above TLS.
final class Recorder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  var completed: [TLSHandshakeCompleted] = []
  var received: Bytes = []
  var reads: Int = 0
  var errors: [TLSError] = []
  var inactive: Bool = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    reads += 1
    received += unwrapInboundIn(data).readableBytesView
  }
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? TLSHandshakeCompleted { completed.append(event) }
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? TLSError { errors.append(error) }
  }
  func channelInactive(context: ChannelHandlerContext) { inactive = true }
}

/// A client and a server whose bytes are carried by hand.
struct Pair {
  let loop = EmbeddedEventLoop()
  let client: EmbeddedChannel
  let server: EmbeddedChannel
  let clientSide = Recorder()
  let serverSide = Recorder()

  init(_ client: TLSHandler, _ server: TLSHandler) throws {
    self.client = EmbeddedChannel(handlers: [client, clientSide], loop: loop)
    self.server = EmbeddedChannel(handlers: [server, serverSide], loop: loop)
    let address: SocketAddress = try SocketAddress(ipAddress: "192.0.2.1", port: 4711)
    self.server.connect(to: address, promise: nil)
    self.client.connect(to: address, promise: nil)
  }

  /// Carries bytes both ways, `chunk` at a time, until both are silent. Returns how many bytes were carried.
  @discardableResult
  func carry(chunk: Int = .max) throws -> Int {
    var carried: Int = 0
    while true {
      let before: Int = carried
      for (from, to) in [(client, server), (server, client)] {
        while var bytes: ByteBuffer = try from.readOutbound() {
          while let part: ByteBuffer = bytes.readSlice(length: min(chunk, bytes.readableBytes)), part.readableBytes > 0 {
            carried += part.readableBytes
            if to.isActive { try to.writeInbound(part) }
          }
        }
      }
      if carried == before { return carried }
    }
  }
}

/// A directory below the system's temporary one that goes when the test ends.
final class TemporaryDirectory: Sendable {
  let path: String
  init() {
    var template: [CChar] = Array("/tmp/tricenter-tls-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }
  func file(_ name: String) -> String { "\(path)/\(name)" }
  func mode(_ name: String) -> UInt32 {
    var status = stat()
    return stat(file(name), &status) == 0 ? status.st_mode & 0o777 : 0
  }
  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    if let folder = opendir(path) {
      while let entry = readdir(folder) {
        let name: String = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { remove("\(path)/\(name)") }
      }
      closedir(folder)
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}

/// Counts what a logger is told.
final class CountingLog: LogHandler, Sendable {
  let lines: Mutex<[String]> = Mutex([])
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }
  func log(event: LogEvent) { lines.withLock { $0.append("\(event.message)") } }
}
