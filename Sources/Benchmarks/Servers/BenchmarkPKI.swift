import Primitives
import TLS

/// An authority and certificates for one comparison, the same for every program. Ours knows a peer by the URI in its certificate, etcd by
/// its address: the federation's certificates have both.
struct BenchmarkPKI: Sendable {
  private let files: FederationPKI
  private static let center: CenterName = "bench"

  var authority: String { files.authorityCertificate }
  func certificate(_ member: Int) -> String { store(member).certificate }
  func key(_ member: Int) -> String { store(member).key }

  private func store(_ member: Int) -> (certificate: String, key: String) {
    files.files(center: Self.center, host: HostName("member\(member + 1)"), daemon: .store)
  }

  /// Writes all files into `directory`, and gives what the load client shows and trusts.
  static func make(directory: String, members: Int) throws -> (BenchmarkPKI, TLSContext) {
    let pki = FederationPKI(directory: directory)
    let hosts: [FederationPlan.Host] = (1...members).map { member in
      .init(center: center, name: HostName("member\(member)"), addresses: ["127.0.0.1"], dnsNames: ["localhost"])
    }
    _ = try pki.prepare(FederationPlan(federation: "bench", hosts: hosts), now: SystemClock().wall())
    let person: (certificate: String, key: String) = pki.files(person: "admin")
    let client: TLSContext = try .client(
      identity: .files(certificate: person.certificate, key: person.key), trust: .file(pki.authorityCertificate),
      applicationProtocols: ["h2"])
    return (BenchmarkPKI(files: pki), client)
  }
}
