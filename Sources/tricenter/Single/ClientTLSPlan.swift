import Logging
import NIOCore
import Primitives
import TLS

/// How a store member's flags want its clients' TLS: certificates in files, or made at start (`--auto-tls`).
struct ClientTLSPlan: Sendable {
  private enum Source { case none, files(certificate: String, key: String), made(lifetime: Duration) }
  private let source: Source
  private let authority: String
  private let mustShow: Bool

  /// - Parameter isNeeded: a listener is https.
  init(_ flags: EtcdFlags, isNeeded: Bool) throws {
    let (certificate, key): (String, String) = (flags["cert-file"], flags["key-file"])
    (authority, mustShow) = (flags["trusted-ca-file"], try flags.isOn("client-cert-auth"))
    guard certificate.isEmpty == key.isEmpty else { throw ValidationFault("--cert-file and --key-file belong together") }
    if !certificate.isEmpty {
      source = .files(certificate: certificate, key: key)
    } else if try flags.isOn("auto-tls") {
      source = .made(lifetime: .seconds(try flags.number("self-signed-cert-validity", 1...100) * 365 * 86_400))
    } else {
      source = .none
      if isNeeded { throw ValidationFault("https:// client URLs need --cert-file and --key-file, or --auto-tls") }
    }
    if mustShow, authority.isEmpty { throw ValidationFault("--client-cert-auth needs --trusted-ca-file") }
  }

  private static func isAddress(_ host: String) -> Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

  /// Nil where no client URL is https. As etcd has it, an authority alone asks for certificates and `--client-cert-auth` insists on them.
  func context(hosts: [String]) throws -> TLSContext? {
    let identity: TLSContext.IdentitySource
    switch source {
    case .none: return nil
    case .files(let certificate, let key): identity = .files(certificate: certificate, key: key)
    case .made(let lifetime):
      let now: WallTime = SystemClock().wall()
      var leaf = LeafDescription(commonName: "tricenter store, made at its start")
      leaf.usages = [.server]
      leaf.lifetime = lifetime
      leaf.addresses = hosts.filter(Self.isAddress)
      leaf.dnsNames = hosts.filter { !Self.isAddress($0) }
      // Its authority is forgotten at once: nothing else is ever signed by it.
      identity = .fixed(try CertificateAuthority.create(commonName: "tricenter store", lifetime: lifetime, now: now).issue(leaf, now: now))
    }
    return try .server(
      identity: identity, trust: authority.isEmpty ? nil : .file(authority), applicationProtocols: ["h2", "http/1.1"],
      clientCertificates: mustShow ? .required : authority.isEmpty ? .none : .requested, logger: Logger(label: "tls.clients"))
  }
}
