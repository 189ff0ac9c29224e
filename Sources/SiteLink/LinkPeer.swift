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
  /// What the center stands in; empty: not known. Links between cities are treated with more care (`LinkDistance`).
  public var city: String
  /// Its certificate must be for `…/center/<center>/host/<hostName>/daemon/store`. Empty for a member that was added by its address alone
  /// and has not said its name yet: any store of the federation passes then, unless its host belongs to another member.
  public var hostName: HostName

  public init(member: MemberID, host: String, port: Int, center: CenterName, city: String = "", hostName: HostName) {
    self.member = member
    self.host = host
    self.port = port
    self.center = center
    self.city = city
    self.hostName = hostName
  }

  /// Reached and recognised as before; only more is known of it now.
  func isSame(as before: LinkPeer) -> Bool {
    guard host == before.host, port == before.port else { return false }
    return before.hostName.value.isEmpty || (hostName == before.hostName && center == before.center)
  }
}

/// Bytes by priority.
public struct LinkTraffic: Sendable, Hashable {
  public var urgent: Int64 = 0
  public var normal: Int64 = 0
  public var bulk: Int64 = 0

  public init() {}
  public var total: Int64 { urgent + normal + bulk }

  public subscript(_ priority: LinkPriority) -> Int64 {
    get {
      switch priority {
      case .urgent: urgent
      case .normal: normal
      case .bulk: bulk
      }
    }
    set {
      switch priority {
      case .urgent: urgent = newValue
      case .normal: normal = newValue
      case .bulk: bulk = newValue
      }
    }
  }
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
  /// Bytes of frames, without TLS and TCP, since the start. What came is counted as it was before it was compressed.
  public var bytesIn: Int64
  public var bytesOut: Int64
  /// `bytesOut` without pings, by priority.
  public var sent: LinkTraffic
  /// What `sent` would be without compression.
  public var sentUncompressed: Int64
  /// Bulk that may be under way at a time, as the link's round trip has it, and that is.
  public var bulkWindow: Int
  public var bulkInFlight: Int
  /// Frames that `send` did not take, since the start.
  public var dropped: Int64
  public var lastError: String?
}
