import KubeModel
import Keyspace
import Logging
import Primitives
import Synchronization

/// Keeps the endpoints of the Service `kubernetes` to the apiservers that live: each has a key under a store lease that only it renews, and
/// every one of them writes what it finds there (kube-apiserver's lease endpoint reconciler, `--endpoint-reconciler-type=lease`). A dead
/// one's key goes with its lease.
struct EndpointReconciler: Sendable {
  /// A lease survives two renewals that fail. The store's leader revokes it within a second of its end.
  static let leaseSeconds: Int64 = 3
  static let renewEvery: Duration = .seconds(1)

  let handlers: Handlers
  let preferred: PreferredAddresses
  private var configuration: APIServerConfiguration { handlers.configuration }
  private var store: any KeyValueStore { handlers.storage.store }
  private var folder: Bytes { handlers.storage.layout.apiServers }
  private var user: UserInfo { UserInfo(name: "system:apiserver", groups: ["system:masters"]) }

  /// Until its task is cancelled; then the own key goes at once.
  func run() async {
    var lease: Int64 = 0
    var told: String = ""
    while !Task.isCancelled {
      do {
        lease = try await renew(lease)
        try await reconcile(try await living())
        told = ""
      } catch {
        let why = "\(error)"
        if why != told { configuration.logger.info("the endpoints of default/kubernetes cannot be kept", metadata: ["why": "\(why)"]) }
        told = why
      }
      try? await Task.sleep(for: Self.renewEvery)
    }
    guard lease != 0 else { return }
    let (store, gone): (any KeyValueStore, Int64) = (store, lease)
    await Task { try? await store.revokeLease(id: gone) }.value
  }

  private func renew(_ lease: Int64) async throws -> Int64 {
    if lease != 0, try await store.keepLeaseAlive(id: lease) > 0 { return lease }
    let granted: LeaseGrant = try await store.grantLease(ttlSeconds: Self.leaseSeconds, id: 0)
    let value: JSONValue = ["address": .string(configuration.advertiseAddress), "port": .int(configuration.advertisePort)]
    _ = try await store.put(folder + Bytes(configuration.advertiseAddress), value.serialized(), lease: granted.id)
    return granted.id
  }

  /// As this member has it: what it does not know yet comes with the next round, and a cut-off member cannot write anyway.
  private func living() async throws -> [String] {
    let found: RangeResponse = try await store.range(RangeRequest(.prefix(folder), serializable: true))
    let addresses: [String] = found.keyValues.compactMap { String(validating: $0.key.dropFirst(folder.count), as: UTF8.self) }
    return Self.order(Set(addresses + [configuration.advertiseAddress]), preferred: preferred.addresses)
  }

  /// Those of the active center first, then by number.
  static func order(_ addresses: Set<String>, preferred: Set<String>) -> [String] {
    func number(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0) ?? 0 } }
    return addresses.sorted { one, other in
      let (first, second): (Bool, Bool) = (preferred.contains(one), preferred.contains(other))
      if first != second { return first }
      return number(one).lexicographicallyPrecedes(number(other))
    }
  }

  private func reconcile(_ addresses: [String]) async throws {
    let port: JSONValue = ["name": "https", "port": .int(configuration.advertisePort), "protocol": "TCP"]
    let subset: JSONValue = ["addresses": .array(addresses.map { ["ip": .string($0)] }), "ports": [port]]
    try await keep(.endpoints, labels: [:], ["subsets": [subset]])
    let endpoints: [JSONValue] = addresses.map { ["addresses": [.string($0)], "conditions": ["ready": true]] }
    try await keep(
      .endpointSlices, labels: ["kubernetes.io/service-name": "kubernetes"],
      ["addressType": "IPv4", "endpoints": .array(endpoints), "ports": [port]])
  }

  /// The object `default/kubernetes` with these fields. The cache decides whether there is anything to write; who loses a race looks again
  /// a second later.
  private func keep(_ name: ResourceName, labels: [String: JSONValue], _ fields: [String: JSONValue]) async throws {
    guard let resource: Resource = handlers.catalog.resource(group: name.group, version: name.version, resource: name.resource) else {
      return
    }
    let path: Bytes = resource.path(namespace: "default", name: "kubernetes")
    func filled(_ object: KubeObject) -> KubeObject {
      var object: KubeObject = object
      for (key, value) in fields { object.json[key] = value }
      for (key, value) in labels { object.json["metadata"]["labels"][key] = value }
      resource.definition.applyDefaults(&object)
      return object
    }
    guard let current: StoredObject = resource.hub.object(path) else {
      let new = KubeObject([
        "apiVersion": .string(name.apiVersion), "kind": .string(name.kind), "metadata": ["name": "kubernetes", "namespace": "default"],
      ])
      do {
        _ = try await handlers.insert(resource, filled(new), .bootstrap, user: user)
      } catch let error as KubeStatus where error.reason == "AlreadyExists" {}
      return
    }
    let old: KubeObject = try current.object()
    let wanted: KubeObject = filled(old)
    guard wanted != old else { return }
    guard
      case .write(let object, let plan) = try await handlers.prepareUpdate(
        resource, old: old, wanted, subresource: "", options: .bootstrap, user: user)
    else { return }
    _ = try await handlers.storage.put(
      resource, path, object, expected: current.revision, reservations: plan.reservations, guards: plan.guards)
  }
}

/// Which apiservers clients should find first; set from outside, since an apiserver knows of no centers.
final class PreferredAddresses: Sendable {
  private let state: Mutex<Set<String>> = Mutex([])
  var addresses: Set<String> { state.withLock { $0 } }
  func set(_ addresses: Set<String>) { state.withLock { $0 = addresses } }
}
