import Glibc
import Primitives
import Site
import TLS

/// A daemon's certificate has run out: one whose life ended an hour ago takes its place, and the daemon reads it as it reads a renewed one.
/// The good pair lies beside it until the fault ends.
struct CertificateEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  private var daemon: PKIDaemon? { fault.parameters["daemon"].flatMap { PKIDaemon(rawValue: $0) } }

  func obstacle() -> String? {
    if daemon == nil { return "only \(PKIDaemon.allCases.map(\.rawValue).joined(separator: ", ")) have certificates" }
    let busy: [HostName] = hosts.filter { host in files(host).contains { LabDirectory.exists("\($0).good") } }
    return busy.isEmpty ? nil : "another fault keeps the good certificate of \(busy.map(\.value).joined(separator: ", "))"
  }

  private func files(_ host: HostName) -> [String] {
    guard let daemon, let center: CenterName = lab.site.center(of: host)?.name else { return [] }
    let files = FederationPKI(directory: lab.directory.pki).files(center: center, host: host, daemon: daemon)
    return [files.key, files.certificate]
  }

  func begin(_ handle: FaultHandle) throws -> String {
    guard let daemon else { return "" }
    for host in hosts {
      let files: [String] = files(host)
      let expired: TLSIdentity = try expired(try TLSIdentity(certificateFile: files[1], keyFile: files[0]).certificate)
      for file in files {
        guard link(file, "\(file).good") == 0 else {
          throw LabError(.failed, "\(file) cannot be kept as \(file).good: \(String(cString: strerror(errno))).")
        }
      }
      try expired.write(certificateFile: files[1], keyFile: files[0])
    }
    return "the certificate of \(daemon.rawValue) on \(hosts.map(\.value).joined(separator: ", ")) ran out an hour ago"
  }

  /// What the good one says, for a life that ended an hour ago.
  private func expired(_ good: Certificate) throws -> TLSIdentity {
    let pki = FederationPKI(directory: lab.directory.pki)
    let authority = try CertificateAuthority.load(certificateFile: pki.authorityCertificate, keyFile: pki.authorityKey)
    var leaf = LeafDescription(commonName: good.commonName, organizations: good.organizations)
    let names = good.alternativeNames
    (leaf.dnsNames, leaf.uris, leaf.addresses) = (names.dns, names.uris, names.addresses)
    leaf.lifetime = .seconds(3_600)
    return try authority.issue(leaf, now: WallTime(secondsSince1970: SystemClock().wall().secondsSince1970 - 7_200))
  }

  func end(_ handle: FaultHandle) throws -> String {
    for file in hosts.flatMap(files) where LabDirectory.exists("\(file).good") {
      guard rename("\(file).good", file) == 0 else {
        throw LabError(.failed, "\(file).good cannot be put back: \(String(cString: strerror(errno))).")
      }
    }
    return "the certificate of \(daemon?.rawValue ?? "") on \(hosts.map(\.value).joined(separator: ", ")) is good again"
  }
}
