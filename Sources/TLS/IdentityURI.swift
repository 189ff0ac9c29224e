/// The URI that names one of our processes: `tricenter://FEDERATION/center/CENTER/host/HOST/daemon/DAEMON`, a subject alternative
/// name of its certificate. Names are compared byte by byte.
public struct IdentityURI: Hashable, Sendable, CustomStringConvertible {
  public var federation: String
  public var center: String
  public var host: String
  public var daemon: String

  public init(federation: String, center: String, host: String, daemon: String) {
    self.federation = federation
    self.center = center
    self.host = host
    self.daemon = daemon
  }

  /// Nil for a URI of another form.
  public init?(_ text: String) {
    let scheme: String = "tricenter://"
    guard text.hasPrefix(scheme) else { return nil }
    let parts: [Substring] = text.dropFirst(scheme.count).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 7, parts[1] == "center", parts[3] == "host", parts[5] == "daemon",
      [0, 2, 4, 6].allSatisfy({ Self.isName(String(parts[$0])) })
    else { return nil }
    self.init(federation: String(parts[0]), center: String(parts[2]), host: String(parts[4]), daemon: String(parts[6]))
  }

  public var description: String { "tricenter://\(federation)/center/\(center)/host/\(host)/daemon/\(daemon)" }

  /// Letters, digits, `-`, `.` and `_`, 1 to 253 of them: what needs no escaping in a URI, a path and a log line.
  public static func isName(_ text: String) -> Bool {
    (1...253).contains(text.utf8.count) && text != "." && text != ".."
      && text.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 46 || byte == 95
      }
  }
}

extension PeerIdentity {
  /// The process that this certificate is for; nil for people.
  public var process: IdentityURI? { uris.lazy.compactMap { IdentityURI($0) }.first }
}

/// Judges a certificate that is already known to be valid and signed by a trusted authority: nil to accept, or the reason for refusing.
/// Called on the connection's event loop during the handshake, so the peer gets an alert and nothing else.
public typealias PeerVerification = @Sendable (PeerIdentity) -> String?

extension IdentityURI {
  /// Accepts one of our processes: of this federation and, where given, of this center, on this host, of one of these kinds.
  public static func expect(
    federation: String, center: String? = nil, host: String? = nil, daemons: Set<String>? = nil
  ) -> PeerVerification {
    { peer in
      guard let uri: IdentityURI = peer.process else {
        return "its certificate (\"\(peer.commonName)\") names no process of federation \(federation)"
      }
      if uri.federation != federation { return "its certificate is for federation \(uri.federation), not \(federation)" }
      if let center, uri.center != center { return "its certificate is for center \(uri.center), not \(center)" }
      if let host, uri.host != host { return "its certificate is for host \(uri.host), not \(host)" }
      if let daemons, !daemons.contains(uri.daemon) {
        return "its certificate is for daemon \(uri.daemon), not \(daemons.sorted().joined(separator: " or "))"
      }
      return nil
    }
  }
}
