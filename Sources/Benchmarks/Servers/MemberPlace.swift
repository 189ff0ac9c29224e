import Primitives

/// Where one member of a cluster under test runs, and as whom.
struct MemberPlace: Sendable {
  var name: String
  /// Where clients reach it.
  var client: LoadAddress
  /// Where the other members reach it.
  var peer: LoadAddress
  var certificate: String
  var key: String
  var authority: String
  /// What goes before the program's command line: into the namespace of its host.
  var entry: [String] = []
  /// The site file, for programs that know what a site is.
  var site: String?

  /// Members on loopback with ports that were free a moment ago.
  static func loopback(_ members: Int, _ pki: BenchmarkPKI) throws -> [MemberPlace] {
    let ports: [Int] = try freePorts(2 * members)
    return (0..<members).map { member in
      MemberPlace(
        name: "member\(member + 1)", client: LoadAddress(port: ports[2 * member]), peer: LoadAddress(port: ports[2 * member + 1]),
        certificate: pki.certificate(member), key: pki.key(member), authority: pki.authority)
    }
  }
}
