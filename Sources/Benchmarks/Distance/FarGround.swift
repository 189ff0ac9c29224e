import Lab
import Primitives
import Site
import TLS

/// Five members in the lab's network: a namespace per host, the wide-area element between the centers, clients beside it with a cable of
/// their own to each of them. Data lies on the folder's disk. Runs in a machine of its own (network, mount and process namespaces), which
/// whoever calls has entered.
public struct FarGround: Sendable {
  let lab: Lab
  let client: TLSContext
  private let directory: String

  /// - Parameters:
  ///   - siteText: hosts and lines.
  ///   - program: this executable, which also is the wide-area element.
  public static func bringUp(directory: String, siteText: String, program: String) async throws -> FarGround {
    try LabDirectory.make(directory)
    let siteFile = "\(directory)/site.yaml"
    try LabDirectory.write(siteText, to: siteFile)
    let folder = LabDirectory(path: "\(directory)/lab")
    try LabDirectory.make(folder.path)
    let lab: Lab = try .prepare(directory: folder, siteFile: siteFile, mode: .namespaces, program: program)
    try await lab.bringUpNetwork { _ in }
    try await lab.attachClients()
    let pki = FederationPKI(directory: folder.pki)
    let person: (certificate: String, key: String) = pki.files(person: "admin")
    let client: TLSContext = try .client(
      identity: .files(certificate: person.certificate, key: person.key), trust: .file(pki.authorityCertificate),
      applicationProtocols: ["h2"])
    return FarGround(lab: lab, client: client, directory: directory)
  }

  /// What was written below the folder. Namespaces and the wide-area element end with the machine.
  public func removeFolder() { Folders.remove(directory) }

  var places: [MemberPlace] {
    let pki = FederationPKI(directory: lab.directory.pki)
    return lab.site.centers.flatMap { center in
      center.hosts.map { host in
        let files: (certificate: String, key: String) = pki.files(center: center.name, host: host.name, daemon: .store)
        let address: String = host.address.description
        return MemberPlace(
          name: host.name.value, client: LoadAddress(host: address, port: lab.site.ports.client),
          peer: LoadAddress(host: address, port: lab.site.ports.peer), certificate: files.certificate, key: files.key,
          authority: pki.authorityCertificate, entry: ["nsenter", "--net=\(lab.networkNamespace(of: host.name))"],
          site: lab.directory.siteFile)
      }
    }
  }
}
