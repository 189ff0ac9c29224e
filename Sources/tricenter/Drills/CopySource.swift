import Drills
import EtcdAPI
import Federation
import HTTP
import Keyspace
import KubeClient
import Lab
import NIOPosix
import Primitives
import Site
import TLS

/// The federation that a copy is made of, as far as it is asked for it: it is read from, never written to.
struct CopySource {
  private let lab: Lab
  private let api: TLSContext
  private let store: TLSContext

  init(_ lab: Lab) throws {
    self.lab = lab
    let pki = FederationPKI(directory: lab.directory.pki)
    let person = pki.files(person: "admin")
    func tls(_ protocols: [String]) throws -> TLSContext {
      try .client(
        identity: .files(certificate: person.certificate, key: person.key), trust: .file(pki.authorityCertificate),
        applicationProtocols: protocols)
    }
    api = try tls(HTTPServerConfiguration.applicationProtocols)
    store = try tls(["h2"])
  }

  private func member(_ host: Host) -> EtcdStore {
    let (address, port): (String, Int) = (host.address.description, lab.site.ports.client)
    var configuration = HTTPClientConfiguration(
      targets: [.host(address, port: port)], tls: store, group: MultiThreadedEventLoopGroup.singleton)
    configuration.connectTimeout = .seconds(2)
    configuration.keepAliveTimeout = .seconds(30)
    return EtcdStore(HTTPClient(configuration), secure: true, authority: "\(address):\(port)", timeout: .seconds(10))
  }

  func activation() async throws -> ActivationRecord {
    let client: KubeClient = DrillContext.client(lab.site.hosts, site: lab.site, tls: api, group: MultiThreadedEventLoopGroup.singleton)
    let cluster: String = lab.site.clusters.first?.name ?? ""
    return try ActivationRecord(
      await client.get(.leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: cluster)))
  }

  /// A member that follows, of the center if one of it does: the leader has enough to do.
  func follower(preferring center: CenterName) async throws -> (HostName, EtcdStore) {
    var reasons: [String] = []
    let preferred: [Host] = lab.site.center(center)?.hosts ?? []
    for host in preferred + lab.site.hosts.filter({ host in !preferred.contains { $0.name == host.name } }) {
      let store: EtcdStore = member(host)
      do {
        let status: EtcdStore.EndpointStatus = try await store.status()
        if status.leader != 0, status.leader != status.memberID, !status.isLearner { return (host.name, store) }
        reasons.append("\(host.name) \(status.leader == status.memberID ? "leads" : "follows nobody")")
      } catch {
        reasons.append("\(host.name): \(error)")
      }
    }
    throw DrillError(
      .notMet, "No member of the store follows a leader, so there is nobody to take a snapshot from: \(reasons.joined(separator: "; ")).")
  }

  /// Of two followers in two centers, where there are: the leader has enough to do.
  func history(at revision: Int64) async throws -> [HostName: String] {
    var found: [HostName: String] = [:]
    for center in lab.site.centers where found.count < 2 {
      guard let chosen = try? await follower(preferring: center.name), found[chosen.0] == nil else { continue }
      found[chosen.0] = try await CopyDigest.of(chosen.1, at: revision)
    }
    return found
  }

  func keysWritten(after revision: Int64, holding words: [String]) async throws -> (all: Int, found: [String]) {
    let (_, store): (HostName, EtcdStore) = try await follower(preferring: lab.site.centers.first?.name ?? "")
    // Behind everything that was acknowledged before: not `serializable`.
    var request = RangeRequest(.prefix(Bytes("/registry/")), keysOnly: true)
    request.minModRevision = revision + 1
    let keys: [String] = try await store.range(request).keyValues.map(\.key.text)
    return (keys.count, keys.filter { key in words.contains { key.contains($0) } })
  }
}

/// SHA-256 over every key as it was at a revision: the same whatever was compacted since.
enum CopyDigest {
  private static let page: Int64 = 200

  static func of(_ keyspace: Keyspace, at revision: Int64) throws -> String {
    let digest = SHA256Stream()
    add(try keyspace.range(RangeRequest(.prefix([]), revision: revision)).keyValues, to: digest)
    return Hexadecimal.encode(digest.finish())
  }

  static func of(_ store: EtcdStore, at revision: Int64) async throws -> String {
    let digest = SHA256Stream()
    var next: Bytes = [0]
    while true {
      let found: RangeResponse = try await store.range(
        RangeRequest(KeyRange(key: next, end: [0]), revision: revision, limit: page, serializable: true))
      add(found.keyValues, to: digest)
      guard found.more, let last: Bytes = found.keyValues.last?.key else { return Hexadecimal.encode(digest.finish()) }
      next = last + [0]
      // Between two pages the member does its own work.
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private static func add(_ pairs: [KeyValue], to digest: SHA256Stream) {
    for pair in pairs { digest.update(Bytes("\(pair.key.count) \(pair.modRevision) \(pair.value.count) ") + pair.key + pair.value) }
  }
}
