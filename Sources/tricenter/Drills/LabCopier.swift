import Drills
import EtcdAPI
import Federation
import Glibc
import HTTP
import Keyspace
import KubeClient
import KubeModel
import Lab
import NIOCore
import NIOPosix
import Primitives
import Site
import Store
import TLS

/// Fenced copies of a lab's cluster: a lab of their own, below the lab's folder, whose store begins with a snapshot of this one's.
struct LabCopier: ClusterCopier {
  let lab: Lab

  private func progress(_ tell: @escaping @Sendable (String) -> Void) -> Lab.Progress { { tell("copy: \($0)") } }

  func make(_ order: CopyOrder, tell: @escaping @Sendable (String) -> Void) async throws -> ClusterCopy {
    let source = try CopySource(lab)
    let active: ActivationRecord = try await source.activation()
    guard active.center != order.center else {
      throw DrillError(
        .refused,
        "\(order.center) is active (epoch \(active.epoch)): a copy fails over to a center that stands by. Move the cluster home first.")
    }
    let token: String = String(SHA256.hexadecimal(Bytes(order.key)).prefix(6))
    let copy: Lab.Copy = try await lab.makeCopyGround(center: order.center, token: token, lease: order.lease, progress(tell))
    let (lab, lease): (Lab, Duration) = (lab, order.lease)
    // What follows may take longer than the lease.
    let renewing = Task {
      while !Task.isCancelled {
        try? lab.renewCopy(lease)
        try? await Task.sleep(for: lease / 5)
      }
    }
    defer { renewing.cancel() }
    do {
      let origin: ClusterCopy.Origin = try await branch(copy, source, active, rate: order.rate, tell)
      let note = CopyNote(key: order.key, origin: origin, poweredAt: SystemClock().now())
      try lab.noteOnCopy(note.text)
      try await lab.powerCopy(copy, progress(tell))
      let found: ClusterCopy = try clusterCopy(copy, note)
      try await untilItAnswers(found, tell)
      return found
    } catch {
      renewing.cancel()
      try? await Lab.endCopy(directory: lab.directory, progress(tell))
      throw error
    }
  }

  /// The store of every host of the copy begins with what a follower held at one revision, without what tells of real hosts.
  private func branch(
    _ copy: Lab.Copy, _ source: CopySource, _ active: ActivationRecord, rate: Int, _ tell: @escaping @Sendable (String) -> Void
  ) async throws -> ClusterCopy.Origin {
    let (host, store): (HostName, EtcdStore) = try await source.follower(preferring: copy.plan.center)
    let file = "\(copy.lab.directory.path)/snapshot"
    let began: MonotonicTime = SystemClock().now()
    let saved: SavedSnapshot = try await store.saveSnapshot(to: file, bytesPerSecond: rate)
    let took: Duration = SystemClock().now() - began
    let snapshot: SavedStore = try SavedStore(path: file)
    var keyspace: Keyspace = try snapshot.keyspace.renewed()
    let origin = ClusterCopy.Origin(
      host: host, revision: keyspace.revision, bytes: saved.bytes, took: took, hash: try CopyDigest.of(keyspace, at: keyspace.revision),
      active: active.center, epoch: active.epoch)
    tell("copy: the store branched off \(host) at revision \(origin.revision), \(saved.bytes) bytes in \(Int(took.inMilliseconds)) ms")
    for range in Self.realHosts(lab.site.center(copy.plan.center)?.hosts ?? []) {
      guard case .success? = keyspace.apply(.delete(DeleteRequest(range)), at: keyspace.appliedIndex + 1) else {
        throw DrillError(.failed, "What the store says of real hosts cannot be taken out of the copy.")
      }
    }
    let site: Site = copy.plan.site
    let members: [StoreMember] = copy.plan.hosts.map { host in
      StoreMember(
        id: StoreIdentity.memberID(federation: site.federation, host: host.name), name: host.name, center: copy.plan.center,
        city: site.center(copy.plan.center)?.city ?? "", role: host.voter ? .voter : .learner, peerHost: host.address.description,
        peerPort: site.ports.peer, clientURL: "https://\(host.address):\(site.ports.client)")
    }
    for host in copy.plan.hosts {
      let folder = "\(copy.lab.directory.host(host.name))/center"
      try LabDirectory.make(folder)
      try Store.restore(
        keyspace,
        configuration: StoreConfiguration(
          memberID: StoreIdentity.memberID(federation: site.federation, host: host.name),
          clusterID: StoreIdentity.clusterID(federation: site.federation), members: members, directory: folder))
    }
    unlink(file)
    return origin
  }

  /// Nodes that the copy's own stand for (a Node's pod range never changes, and theirs is another), apiservers that live elsewhere, and
  /// words of
  /// vantages that no copy hears.
  private static func realHosts(_ hosts: [Host]) -> [KeyRange] {
    hosts.flatMap { host in
      ["nodes/\(host.name)", "coordination.k8s.io/leases/kube-node-lease/\(host.name)"].map { KeyRange(key: Bytes("/registry/\($0)")) }
    } + ["masterleases/", "federation.tricenter.io/vantages/"].map { KeyRange.prefix(Bytes("/registry/\($0)")) }
  }

  private func clusterCopy(_ copy: Lab.Copy, _ note: CopyNote) throws -> ClusterCopy {
    let pki = FederationPKI(directory: copy.lab.directory.pki)
    let person = pki.files(person: "admin")
    // Read once: the files go with the copy.
    let tls: TLSContext = try .client(
      identity: .fixed(TLSIdentity(certificateFile: person.certificate, keyFile: person.key)),
      trust: .fixed(TLSTrust(file: pki.authorityCertificate)),
      applicationProtocols: HTTPServerConfiguration.applicationProtocols)
    // Sockets are opened by the threads of the loops: these two, and the one that may block, live in the copy's network from now on.
    let (group, names) = (MultiThreadedEventLoopGroup(numberOfThreads: 2), MultiThreadedEventLoopGroup(numberOfThreads: 1))
    for loop in Array(group.makeIterator()) + Array(names.makeIterator()) { try loop.submit { try Lab.enterCopyClient(copy) }.wait() }
    return ClusterCopy(
      key: note.key, center: copy.plan.center, site: copy.plan.site, hosts: copy.plan.hosts, range: copy.plan.range, origin: note.origin,
      poweredAt: note.poweredAt, tls: tls, group: group, names: names.next())
  }

  private func untilItAnswers(_ copy: ClusterCopy, _ tell: @escaping @Sendable (String) -> Void) async throws {
    let client: KubeClient = DrillContext.client(copy.hosts, site: copy.site, tls: copy.tls, group: copy.group)
    let deadline: MonotonicTime = SystemClock().now() + .seconds(90)
    var reason: String = ""
    while SystemClock().now() < deadline {
      do {
        let nodes: [KubeObject] = try await client.list(.nodes).items
        let ready: Set<String> = Set(nodes.filter { Capacity.isReady($0) }.map(\.name))
        let missing: [String] = copy.hosts.map(\.name.value).filter { !ready.contains($0) }
        if missing.isEmpty { return tell("copy: \(copy.hosts.map(\.name.value).joined(separator: ", ")) are ready") }
        reason = "nodes \(missing.joined(separator: ", ")) are not ready"
      } catch {
        reason = "\(error)"
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw DrillError(.timeout, "The copy does not come up: \(reason). Its daemons' logs go with it; run it again with more time or memory.")
  }

  func find() async throws -> ClusterCopy? {
    guard let copy: Lab.Copy = try lab.copy(), let note = CopyNote(copy.note) else { return nil }
    return try clusterCopy(copy, note)
  }

  func renew(_ lease: Duration) async throws { try lab.renewCopy(lease) }

  func end() async throws -> String {
    let was: Bool = try lab.copy() != nil
    try await Lab.endCopy(directory: lab.directory) { _ in }
    return was ? "the copy is ended, nothing of it is left" : "there is no copy"
  }

  func fence() async throws -> FenceCounts {
    guard let copy: Lab.Copy = try lab.copy() else { throw DrillError(.notMet, "There is no copy whose fence could be looked at.") }
    return try await lab.fenceCounts(copy)
  }

  func history(at revision: Int64) async throws -> [HostName: String] { try await CopySource(lab).history(at: revision) }

  func keysWritten(after revision: Int64, holding words: [String]) async throws -> (all: Int, found: [String]) {
    try await CopySource(lab).keysWritten(after: revision, holding: words)
  }
}

/// What a runner that takes the copy up has to know of it.
private struct CopyNote {
  var key: String
  var origin: ClusterCopy.Origin
  var poweredAt: MonotonicTime

  init(key: String, origin: ClusterCopy.Origin, poweredAt: MonotonicTime) {
    self.key = key
    self.origin = origin
    self.poweredAt = poweredAt
  }

  var text: String {
    let json: JSONValue = [
      "key": .string(key), "host": .string(origin.host.value), "revision": .int(origin.revision), "bytes": .int(Int64(origin.bytes)),
      "tookNanoseconds": .int(origin.took.inNanoseconds), "hash": .string(origin.hash), "active": .string(origin.active.value),
      "epoch": .int(origin.epoch), "poweredAt": .int(poweredAt.nanoseconds),
    ]
    return String(decoding: json.serialized(), as: UTF8.self)
  }

  /// Nil before everything is there.
  init?(_ text: String) {
    guard let json: JSONValue = try? JSONValue.parse(Bytes(text)), let key = json["key"].string, let host = json["host"].string,
      let revision = json["revision"].int, let took = json["tookNanoseconds"].int, let hash = json["hash"].string,
      let active = json["active"].string, let epoch = json["epoch"].int, let poweredAt = json["poweredAt"].int
    else { return nil }
    self.key = key
    origin = ClusterCopy.Origin(
      host: HostName(host), revision: revision, bytes: Int(json["bytes"].int ?? 0), took: .nanoseconds(took), hash: hash,
      active: CenterName(active), epoch: epoch)
    self.poweredAt = MonotonicTime(nanoseconds: poweredAt)
  }
}
