import KubeClient
import Primitives
import Site

extension DrillContext {
  func stopProbes() async {
    let (requests, companions, writes) = state.withLock { ($0.requests, $0.companions, $0.writes) }
    await requests?.stop()
    for companion in companions { await companion.probe.stop() }
    await writes?.stop()
  }

  /// Takes away the objects that the writers made. Returns what kept it from doing so.
  func removeWrites() async -> String? {
    guard let place = EarlierWrites.place(self) else { return nil }
    var client: KubeClient = client
    // Hundreds of objects, one by one at the server.
    client.requestTimeout = .seconds(60)
    do {
      try await client.deleteCollection(.configMaps, namespace: place.namespace, labelSelector: place.selector)
      return nil
    } catch {
      return "the writers' objects could not be removed (kubectl -n \(place.namespace) delete configmaps -l \(place.selector)): \(error)"
    }
  }

  /// Memory of the centers' daemons and where every member of the store stands, once the drill is over.
  func gatherFacts() async {
    if plan.mode != .isolated, state.withLock({ $0.faultBegan != nil }) { await Milestones.gather(self) }
    for host in site.hosts {
      if let bytes: Int = faults.residentBytes(host.name) {
        state.withLock { $0.facts["residentMiB.\(host.name)"] = .double((Double(bytes) / 1_048_576 * 10).rounded() / 10) }
      }
    }
    guard fixedClient == nil else { return }
    let members: [StoreMember] = await StoreMember.ask(self)
    if !members.isEmpty { state.withLock { $0.facts["storeAtEnd"] = .array(members.map(\.json)) } }
  }
}
