import KubeClient
import KubeModel
import Primitives
import Site
import Synchronization

/// The copy of one run: its lease renewed while this runner lives, and a context whose every connection is opened inside of it.
final class CopySession: Sendable {
  private struct State {
    var copy: ClusterCopy?
    var context: DrillContext?
    var renewing: Task<Void, Never>?
    /// What a runner before noted of the copy.
    var restored: [String: String] = [:]
    var lag: LagWatch?
  }
  let copier: any ClusterCopier
  private let state: Mutex<State> = Mutex(State())

  init(_ copier: any ClusterCopier) { self.copier = copier }

  var copy: ClusterCopy? { state.withLock { $0.copy } }
  /// Nil before there is a copy.
  var context: DrillContext? { state.withLock { $0.context } }
  var lag: LagWatch? {
    get { state.withLock { $0.lag } }
    set { state.withLock { $0.lag = newValue } }
  }
  func restore(_ facts: [String: String]) {
    let own: [(String, String)] = facts.compactMap { name, text in name.hasPrefix("copy/") ? (String(name.dropFirst(5)), text) : nil }
    state.withLock { $0.restored = Dictionary(own, uniquingKeysWith: { one, _ in one }) }
  }

  /// Takes a copy up: renews its lease from now on. Taken up twice it stays as it is.
  func take(_ copy: ClusterCopy, lease: Duration, for outer: DrillContext) {
    let client: KubeClient = DrillContext.client(copy.hosts, site: copy.site, tls: copy.tls, group: copy.group)
    let context = DrillContext(
      site: copy.site, plan: outer.plan, faults: NoFaultsInCopy(), clientTLS: copy.tls, group: copy.group, clock: outer.clock,
      client: client,
      nameLoop: copy.names, hostsWithPower: copy.hosts, tell: outer.tell)
    context.state.withLock { state in
      state.lostCenter = copy.origin.active
      state.faultBegan = copy.poweredAt
      state.faultEnded = copy.poweredAt
    }
    let (copier, tell): (any ClusterCopier, @Sendable (String) -> Void) = (copier, outer.tell)
    let restored: [String: String]? = state.withLock { state in
      guard state.copy?.key != copy.key else { return nil }
      (state.copy, state.context) = (copy, context)
      state.renewing?.cancel()
      state.renewing = Task {
        while !Task.isCancelled {
          do {
            try await copier.renew(lease)
          } catch {
            if !Task.isCancelled { tell("the copy's lease cannot be renewed: \(error)") }
          }
          try? await Task.sleep(for: lease / 5)
        }
      }
      return state.restored
    }
    if let restored { context.restore(restored) }
  }

  /// The context of the copy, taken up first by a runner that did not make it.
  func ground(for outer: DrillContext) async throws -> DrillContext {
    if let context { return context }
    guard let found: ClusterCopy = try await copier.find() else {
      throw DrillError(.notMet, "There is no copy: it was not made yet, or its lease ran out and it ended itself.")
    }
    take(found, lease: CopyActions.lease, for: outer)
    guard let context else { throw DrillError(.failed, "The copy cannot be taken up.") }
    return context
  }

  /// What was measured in the copy goes into the report; then nobody renews it any more, and `end` takes it away before its probes are
  /// waited for.
  func release(into outer: DrillContext, _ end: () async throws -> String = { "" }) async throws -> String {
    let (copy, context, renewing) = state.withLock { state in
      defer { (state.copy, state.context, state.renewing) = (nil, nil, nil) }
      return (state.copy, state.context, state.renewing)
    }
    if let copy, let context { CopyFindings.note(copy, context, in: outer) }
    renewing?.cancel()
    await renewing?.value
    let said: String = try await end()
    await context?.stopProbes()
    return said
  }

  func stopMeasuring() async { await lag?.stop() }
}

/// The copy is the fault: nothing is broken inside of it.
struct NoFaultsInCopy: FaultInjector {
  private func refused() -> DrillError { DrillError(.refused, "Faults are not injected into a copy.") }
  func lose(_ center: CenterName) async throws -> String { throw refused() }
  func giveBack(_ center: CenterName) async throws -> String { throw refused() }
  func state(of center: CenterName) async throws -> CenterPower { throw refused() }
  func inject(_ fault: FaultSpec, id: String) async throws -> FaultHandle { throw refused() }
  func renew(_ handle: FaultHandle) async throws -> FaultHandle { throw refused() }
  func undo(_ handle: FaultHandle) async throws -> String { throw refused() }
  func faults() async throws -> [FaultHandle] { [] }
  func residentBytes(_ host: HostName) -> Int? { nil }
  var simulated: [String] { [] }
}

/// What of the copy stands in the report.
enum CopyFindings {
  static func note(_ copy: ClusterCopy, _ context: DrillContext, in outer: DrillContext) {
    let inner: DrillContext.State = context.state.withLock { $0 }
    let requests: [RequestProbe.Sample] = inner.requests?.samples ?? []
    var found: JSONValue = origin(copy)
    found["requests"] = .int(Int64(requests.count))
    found["requests_served"] = .int(Int64(requests.count { $0.center != nil }))
    found["writes_acknowledged"] = .int(Int64(inner.writes?.acknowledged.count ?? 0))
    found["writes_failed"] = .int(Int64(inner.writes?.failures.count ?? 0))
    for (name, at) in inner.milestones.sorted(by: { $0.key < $1.key }) {
      found["\(name)_ms"] = .double(((at - copy.poweredAt).inMilliseconds * 10).rounded() / 10)
    }
    for (name, value) in inner.facts { found[name] = value }
    outer.state.withLock { state in
      state.facts["copy"] = found
      // The loss is the copy's; production lost nothing.
      state.faultBegan = state.faultBegan ?? copy.poweredAt
      state.milestones.merge(inner.milestones) { own, _ in own }
      state.timeline += inner.timeline.map { entry in
        var entry: DrillContext.TimelineEntry = entry
        entry.center = entry.center.isEmpty ? "copy" : "copy/\(entry.center)"
        return entry
      }
    }
  }

  static func origin(_ copy: ClusterCopy) -> JSONValue {
    [
      "center": .string(copy.center.value), "hosts": .array(copy.hosts.map { .string($0.name.value) }),
      "federation": .string(copy.site.federation), "zone": .string(copy.site.zone), "addresses": .string(copy.range.description),
      "branched_at_revision": .int(copy.origin.revision), "snapshot_of": .string(copy.origin.host.value),
      "snapshot_bytes": .int(Int64(copy.origin.bytes)),
      "snapshot_ms": .double((copy.origin.took.inMilliseconds * 10).rounded() / 10),
      "epoch_at_the_branch": .int(copy.origin.epoch),
    ]
  }
}
