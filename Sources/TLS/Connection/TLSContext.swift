import Logging
import NIOCore
import Primitives
import Synchronization

/// One end's side of every connection that it makes or takes: who we are, whom we trust, what we speak. TLS 1.3 alone: everything that
/// talks to us (our processes, kubectl, etcdctl, curl) speaks it. One per listener or client, shared by threads.
public final class TLSContext: Sendable {
  public enum Role: Sendable { case server, client }
  public enum ClientCertificates: Sendable {
    /// No handshake without one that our authorities signed.
    case required
    /// Asked for; a peer without one is let in without identity, one with a bad one is refused.
    case requested
    case none
  }
  /// Where identity and trust come from. Files are looked at again at most once a second, when a connection is made; when they
  /// changed, new connections use the new ones. What cannot be read leaves the old ones in use and is logged.
  public enum IdentitySource: Sendable {
    case fixed(TLSIdentity)
    case files(certificate: String, key: String)
  }
  public enum TrustSource: Sendable {
    case fixed(TLSTrust)
    case file(String)
  }

  public struct Configuration: Sendable {
    public var role: Role
    /// A server needs one.
    public var identity: IdentitySource?
    /// A client needs one, and a server that looks at client certificates. The system's authorities are never used.
    public var trust: TrustSource?
    /// In order of preference; none: ALPN is not spoken.
    public var applicationProtocols: [String] = []
    public var clientCertificates: ClientCertificates = .required
    public var handshakeTimeout: Duration = .seconds(TLSLimits.handshakeSeconds)
    /// See `TLSLimits.bufferedPlaintext`.
    public var maximumBufferedBytes: Int = TLSLimits.bufferedPlaintext
    /// Refusals and failed reloads go here. Label it after the listener.
    public var logger: Logger = Logger(label: "tls")

    public init(role: Role, identity: IdentitySource?, trust: TrustSource?) {
      self.role = role
      self.identity = identity
      self.trust = trust
    }
  }

  private struct State {
    var native: NativeContext
    var identity: TLSIdentity?
    var stamps: [FileStamp]
    var nextCheck: MonotonicTime
  }

  public let configuration: Configuration
  let refusals = RefusalLog()
  private let state: Mutex<State>

  /// Reads the files. Throws `TLSError` with the path and what to do.
  public init(_ configuration: Configuration) throws {
    precondition(configuration.role == .client || configuration.identity != nil, "a TLS server needs an identity")
    let looksAtPeer: Bool = configuration.role == .client || configuration.clientCertificates != .none
    precondition(!looksAtPeer || configuration.trust != nil, "without authorities no certificate can be judged")
    self.configuration = configuration
    state = Mutex(try Self.load(configuration))
  }

  /// A listener.
  public static func server(
    identity: IdentitySource, trust: TrustSource?, applicationProtocols: [String] = [], clientCertificates: ClientCertificates = .required,
    logger: Logger = Logger(label: "tls")
  ) throws -> TLSContext {
    var configuration = Configuration(role: .server, identity: identity, trust: trust)
    configuration.applicationProtocols = applicationProtocols
    configuration.clientCertificates = clientCertificates
    configuration.logger = logger
    return try TLSContext(configuration)
  }

  /// A client; `identity` is what it shows to servers that ask.
  public static func client(
    identity: IdentitySource?, trust: TrustSource, applicationProtocols: [String] = [], logger: Logger = Logger(label: "tls")
  ) throws -> TLSContext {
    var configuration = Configuration(role: .client, identity: identity, trust: trust)
    configuration.applicationProtocols = applicationProtocols
    configuration.logger = logger
    return try TLSContext(configuration)
  }

  /// Reads the files again now. Connections that stand keep what they have. Throws, and keeps the old ones, if they cannot be used.
  public func reload() throws {
    let fresh: State = try Self.load(configuration)
    state.withLock { $0 = fresh }
  }

  /// The certificate that new connections show: for `/metrics` and `status`.
  public var certificate: Certificate? { state.withLock { $0.identity?.certificate } }

  /// The handler of one connection. Add it first to the pipeline, on the channel's loop.
  /// - Parameters:
  ///   - serverName: client only. A DNS name or an IP address that the server's certificate must carry. Nil only where `verify` decides
  ///     whom we talk to: without either, every certificate of our authorities would do.
  ///   - verify: judges the peer's certificate after it was found valid.
  ///   - completed: succeeds with what `TLSHandshakeCompleted` says, or fails with the `TLSError`.
  public func makeHandler(
    serverName: String? = nil, verify: PeerVerification? = nil, completed: EventLoopPromise<TLSHandshakeCompleted>? = nil
  ) -> TLSHandler {
    refreshIfDue()
    let native: NativeContext = state.withLock { $0.native }
    let session: Result<TLSSession, TLSError>
    do {
      session = .success(try TLSSession(context: native, serverName: serverName, verify: verify))
    } catch {
      session = .failure(error as? TLSError ?? TLSError(.library, "No TLS connection can be made.", cause: error))
    }
    return TLSHandler(context: self, session: session, completed: completed)
  }

  func refreshIfDue(_ now: MonotonicTime = SystemClock().now()) {
    let old: [FileStamp]? = state.withLock { state in
      guard !state.stamps.isEmpty, now >= state.nextCheck else { return nil }
      state.nextCheck = now + .seconds(TLSLimits.fileCheckSeconds)
      return state.stamps
    }
    guard let old, FileStamp.of(configuration) != old else { return }
    do {
      try reload()
      configuration.logger.info("TLS identity and trust were read again", metadata: ["subject": "\(certificate?.commonName ?? "none")"])
    } catch {
      // Between the renaming of a certificate and of its key they do not match; the next look finds both.
      if refusals.isNew("reload", "\(error)", at: now) {
        configuration.logger.error("Changed TLS files cannot be used; the old ones stay in use: \(error)")
      }
    }
  }

  private static func load(_ configuration: Configuration) throws -> State {
    // Stamps first: a change after them is seen at the next look.
    let stamps: [FileStamp] = FileStamp.of(configuration)
    let identity: TLSIdentity? =
      switch configuration.identity {
      case .fixed(let identity): identity
      case .files(let certificate, let key): try TLSIdentity(certificateFile: certificate, keyFile: key)
      case nil: nil
      }
    let trust: TLSTrust? =
      switch configuration.trust {
      case .fixed(let trust): trust
      case .file(let path): try TLSTrust(file: path)
      case nil: nil
      }
    return State(
      native: try NativeContext(configuration, identity: identity, trust: trust), identity: identity, stamps: stamps,
      nextCheck: SystemClock().now() + .seconds(TLSLimits.fileCheckSeconds))
  }
}
