import Logging
import Primitives
import SiteLink
import Store
import TLS

/// How a store member's flags want its peers to reach and to know it.
struct PeerPlan: Sendable {
  private enum Trust {
    /// `https://` with certificates of an authority: `tricenter pki`'s, which name each member, or an operator's own.
    case files(certificate: String, key: String, authority: String, isOurs: Bool)
    /// `http://`, or `--peer-auto-tls`: certificates that each member makes, believed by whoever knows the cluster's token.
    case token(String, reason: String)
  }
  let listen: EndpointURL
  /// Where all members are if no site file says it.
  let center: CenterName
  private let trust: Trust

  /// nil: this member is alone, and its flags say of no place where others could reach it.
  init?(_ flags: EtcdFlags, isNeeded: Bool) throws {
    let certificate: String = flags["peer-cert-file"]
    guard isNeeded || !certificate.isEmpty || flags.isGiven("listen-peer-urls") else { return nil }
    guard let url: EndpointURL = try flags.urls("listen-peer-urls").first else { throw ValidationFault("--listen-peer-urls names no URL") }
    listen = url
    let isAutomatic: Bool = try flags.isOn("peer-auto-tls")
    guard url.isSecure, !isAutomatic else {
      center = "default"
      trust = .token(flags["initial-cluster-token"], reason: url.isSecure ? "--peer-auto-tls" : "http:// in --listen-peer-urls")
      return
    }
    for name in ["peer-cert-file", "peer-key-file", "peer-trusted-ca-file"] where flags[name].isEmpty {
      throw ValidationFault("https:// peers need --\(name) (or --peer-auto-tls): members talk over mutual TLS only")
    }
    let process: IdentityURI? = try Certificate.all(pem: SecretFile.read(certificate)).first?.identity.process
    if let process, process.daemon != "store" {
      throw ValidationFault("\(certificate) is the certificate of \(process.host)'s \(process.daemon), not of a store")
    }
    center = CenterName(process?.center ?? "default")
    trust = .files(
      certificate: certificate, key: flags["peer-key-file"], authority: flags["peer-trusted-ca-file"], isOurs: process != nil)
  }

  func tls(_ own: StoreMember) throws -> LinkTLS {
    let logger = Logger(label: "sitelink")
    switch trust {
    case .files(let certificate, let key, let authority, let isOurs):
      var tls = try LinkTLS(certificateFile: certificate, keyFile: key, authorityFile: authority, logger: logger)
      tls.trustsAuthority = !isOurs
      return tls
    case .token(let token, _):
      let now: WallTime = SystemClock().wall()
      let shared = try SharedAuthority(words: token, purpose: "peers", now: now)
      let identity: TLSIdentity = try shared.identity(center: own.center.value, host: own.name.value, daemon: "store", now: now)
      return try LinkTLS(identity: identity, trust: shared.trust, logger: logger)
    }
  }

  var remarks: [(level: Logger.Level, text: String)] {
    switch trust {
    case .files(_, _, let authority, let isOurs):
      guard !isOurs else { return [] }
      return [
        (
          .notice,
          "peers: certificates do not name members (`tricenter pki` makes such), so everyone with a certificate of \(authority) can be one"
        )
      ]
    case .token(let token, let reason):
      let isKnown: Bool = token == EtcdFlags.known["initial-cluster-token"]
      let place: String = "\(listen.host):\(listen.port)"
      return [
        (
          Self.isLoopback(listen.host) ? .notice : .warning,
          "peers: with \(reason) members speak TLS with certificates that they make themselves and believe because they know "
            + "--initial-cluster-token. Whoever reaches \(place) and knows the token\(isKnown ? " (here etcd's default)" : "") can be a member, "
            + "as in an etcd without peer certificates; https:// and --peer-cert-file let in members only"
        )
      ]
    }
  }

  static func isLoopback(_ host: String) -> Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
