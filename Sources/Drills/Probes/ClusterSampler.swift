import KubeClient
import KubeModel
import Primitives
import Site

/// What the report draws besides requests and writes: ready pods per center, and how far the store's members are behind.
struct ClusterSample: Sendable {
  var at: MonotonicTime
  /// By center; pods of the namespaces that steps name.
  var ready: [String: Int]
  /// Entries that the member that is farthest behind lacks; nil while no leader tells.
  var lagEntries: Int64?
}

/// Looks once in a while, and misses what it cannot see: an API that is away leaves a gap.
final class ClusterSampler: Sendable {
  private let context: DrillContext
  private let task = ProbeTask()
  init(context: DrillContext) { self.context = context }

  func start() {
    guard context.plan.mode == .live, context.plan.steps.contains(where: { $0.effect != .none }) else { return }
    let namespaces: [String] = Set(context.plan.steps.compactMap { $0.call.inputs["namespace"] }).sorted()
    task.start { await self.run(namespaces) }
  }

  func stop() async { await task.stop() }

  private func run(_ namespaces: [String]) async {
    var client: KubeClient = context.client
    client.requestTimeout = .milliseconds(800)
    while !Task.isCancelled {
      var ready: [String: Int] = [:]
      var isSeen: Bool = !namespaces.isEmpty
      for namespace in namespaces {
        guard let pods: [KubeObject] = try? await client.list(.pods, namespace: namespace, resourceVersion: "0").items else {
          isSeen = false
          continue
        }
        for pod in pods where Pods.isReady(pod) {
          let host = HostName(pod.spec["nodeName"].string ?? "")
          if let center: CenterName = context.site.center(of: host)?.name { ready[center.value, default: 0] += 1 }
        }
      }
      let lag: Int64? = context.fixedClient == nil ? await lag() : nil
      if isSeen || lag != nil {
        let sample = ClusterSample(at: context.clock.now(), ready: isSeen ? ready : [:], lagEntries: lag)
        context.state.withLock { if $0.samples.count < DrillLimits.clusterSamples { $0.samples.append(sample) } }
      }
      try? await Task.sleep(for: DrillLimits.clusterLook)
    }
  }

  /// Of the first host that leads.
  private func lag() async -> Int64? {
    for host in context.site.hosts {
      guard let status: JSONValue = try? await context.hostStatus(host, timeout: .milliseconds(300)) else { continue }
      let leader: String = status["raft"]["leader"].string ?? ""
      guard leader == host.name.value else {
        guard let other: Host = context.site.host(HostName(leader)),
          let told: JSONValue = try? await context.hostStatus(other, timeout: .milliseconds(300))
        else { continue }
        return told["peers"].array.compactMap { $0["lagEntries"].int }.max()
      }
      return status["peers"].array.compactMap { $0["lagEntries"].int }.max()
    }
    return nil
  }
}
