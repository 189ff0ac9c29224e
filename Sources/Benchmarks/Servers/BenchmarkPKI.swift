import Primitives
import TLS

/// An authority and certificates for one comparison, the same for both servers.
struct BenchmarkPKI: Sendable {
  let directory: String
  var authority: String { "\(directory)/ca.pem" }
  var serverCertificate: String { "\(directory)/server.pem" }
  var serverKey: String { "\(directory)/server.key" }
  func peerCertificate(_ member: Int) -> String { "\(directory)/member\(member + 1).pem" }
  func peerKey(_ member: Int) -> String { "\(directory)/member\(member + 1).key" }

  /// Writes all files into `directory`, which exists. The clients' context is made from memory.
  static func make(directory: String, members: Int) throws -> (BenchmarkPKI, TLSContext) {
    let now: WallTime = SystemClock().wall()
    let authority: CertificateAuthority = try .create(commonName: "tricenter bench", lifetime: .seconds(86_400), now: now)
    let pki = BenchmarkPKI(directory: directory)
    try authority.write(certificateFile: pki.authority, keyFile: "\(directory)/ca.key")
    func leaf(_ name: String) throws -> TLSIdentity {
      var leaf = LeafDescription(commonName: name)
      leaf.addresses = ["127.0.0.1"]
      leaf.dnsNames = ["localhost", name]
      leaf.lifetime = .seconds(86_400)
      return try authority.issue(leaf, now: now)
    }
    try leaf("server").write(certificateFile: pki.serverCertificate, keyFile: pki.serverKey)
    for member in 0..<members {
      try leaf("member\(member + 1)").write(certificateFile: pki.peerCertificate(member), keyFile: pki.peerKey(member))
    }
    let client: TLSContext = try .client(identity: .fixed(leaf("load")), trust: .fixed(authority.trust), applicationProtocols: ["h2"])
    return (pki, client)
  }
}
