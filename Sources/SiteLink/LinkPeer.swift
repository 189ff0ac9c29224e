import Logging
import NIOCore
import Primitives
import TLS

/// What goes first when there is not room for everything.
public enum LinkPriority: UInt8, Sendable, CaseIterable {
  /// Heartbeats and votes.
  case urgent
  /// Appends and their answers.
  case normal
  /// Snapshots.
  case bulk
}

/// A member of the store as its peers reach and recognise it.
public struct LinkPeer: Sendable, Hashable {
  public var member: MemberID
  /// A DNS name or an IP address.
  public var host: String
  public var port: Int
  public var center: CenterName
  /// Its certificate must be for `…/center/<center>/host/<hostName>/daemon/store`. Empty for a member that was added by its address alone
  /// and has not said its name yet: any store of the federation passes then, unless its host belongs to another member.
  public var hostName: HostName

  public init(member: MemberID, host: String, port: Int, center: CenterName, hostName: HostName) {
    self.member = member
    self.host = host
    self.port = port
    self.center = center
    self.hostName = hostName
  }
}

/// Both sides of the link's TLS. The contexts' identity must be a `store` certificate; who the peer may be, the link judges itself.
public struct LinkTLS: Sendable {
  public var server: TLSContext
  public var client: TLSContext

  public init(server: TLSContext, client: TLSContext) {
    self.server = server
    self.client = client
  }

  /// From the host's `store` certificate and the federation's authority; they are read again when they change. Throws `TLSError`.
  public init(certificateFile: String, keyFile: String, authorityFile: String, logger: Logger) throws {
    server = try .server(
      identity: .files(certificate: certificateFile, key: keyFile), trust: .file(authorityFile), applicationProtocols: [Hello.alpn],
      logger: logger)
    client = try .client(
      identity: .files(certificate: certificateFile, key: keyFile), trust: .file(authorityFile), applicationProtocols: [Hello.alpn],
      logger: logger)
  }

  /// The federation that our own certificate names; nil if it is not one of ours.
  var federation: String? { server.certificate?.identity.process?.federation }
}

/// One peer as seen from here. At most one ping interval old.
public struct LinkStatus: Sendable {
  public var peer: LinkPeer
  /// Whether frames can be sent to it.
  public var up: Bool
  /// Whether a connection of the peer's own stands, on which it sends to us.
  public var receiving: Bool
  /// Round trip of the last ping, through both TLS stacks and event loops; nil before the first.
  public var rttMicroseconds: Int64?
  public var queuedBytes: Int
  /// Bytes of frames, without TLS and TCP, since the start.
  public var bytesIn: Int64
  public var bytesOut: Int64
  /// Frames that `send` did not take, since the start.
  public var dropped: Int64
  public var lastError: String?
}
