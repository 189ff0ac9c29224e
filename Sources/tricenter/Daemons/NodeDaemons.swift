import Federation
import HTTP
import KubeClient
import Kubelet
import Lab
import NIOPosix
import Observability
import PodNetwork
import Primitives
import ServiceProxy
import Site

/// A host's kubelet, proxy and pod network, wired alike in one process (`tricenter node`) or in one each.
struct NodeDaemons: Sendable {
  let setting: HostSetting
  let access: APIAccess
  let health: HealthRegistry
  let group: MultiThreadedEventLoopGroup
  let observer: ActivationObserver
  let runtime: KubeletConfiguration.Runtime

  func agent(_ kubelet: Kubelet) throws -> NodeAgent {
    NodeAgent(
      client: try access.client(.federation), observer: observer, center: setting.center.name, node: setting.host.name.value,
      exclusivePods: { pods in
        switch pods {
        case .all(let spared): await kubelet.exclusivePods(besides: spared)
        case .namespace(let namespace): await kubelet.exclusivePods(of: namespace)
        }
      },
      stopExclusivePods: { namespace, reason, version in
        guard let namespace else { return await kubelet.fence(reason: reason, version: version) }
        await kubelet.fence(namespace: namespace, reason: reason, version: version)
      })
  }

  /// The kubelet with its server and the agent that reports for it.
  func kubelet(root: String, cni: String) async throws -> [Daemon] {
    let kubelet: Kubelet = try makeKubelet(root)
    let agent: NodeAgent = try agent(kubelet)
    let server = HTTPServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: setting.site.ports.kubelet), tls: try setting.serverTLS(.kubelet), group: group),
      responder: KubeletResponder(kubelet: kubelet, health: health))
    var daemons: [Daemon] = [
      ("kubelet", { try await kubelet.run() }), ("kubelet-server", { try await server.run() }),
      (
        "federation-agent",
        {
          // Ends only with its observer; a node that cannot report is fenced by the active center, not lost.
          while !Task.isCancelled {
            await agent.run()
            try await Task.sleep(for: .milliseconds(100))
          }
        }
      ),
    ]
    if case .containerd = runtime {
      let network: PodNetwork = try makePodNetwork(root: root, cni: cni)
      try await network.prepare()
      daemons.append(("pod-network", { try await network.run() }))
    }
    return daemons
  }

  /// A kubelet that has no host: nobody reaches it, and it makes nothing.
  func simulated(root: String) throws -> [Daemon] {
    let kubelet: Kubelet = try makeKubelet(root)
    let agent: NodeAgent = try agent(kubelet)
    return [
      ("kubelet", { try await kubelet.run() }),
      (
        "federation-agent",
        {
          while !Task.isCancelled {
            await agent.run()
            try await Task.sleep(for: .milliseconds(100))
          }
        }
      ),
    ]
  }

  private func makeKubelet(_ root: String) throws -> Kubelet {
    var configuration = KubeletConfiguration(
      hostName: setting.host.name, center: setting.center.name, city: setting.center.city, address: setting.address,
      podCIDR: setting.host.pods.description, runtime: runtime, rootDirectory: root)
    configuration.clusterDNS = [setting.address]
    configuration.clusterDomain = setting.cluster.domain
    configuration.kubeletPort = setting.site.ports.kubelet
    configuration.cgroupRoot = Lab.cgroupParent(setting.host.name)
    let center: CenterName = setting.center.name
    let views: AsyncStream<ActivationView> = observer.views()
    let events = AsyncStream<FenceEvent>(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let task = Task {
        var last: FenceEvent = .unchanged
        for await view in views {
          // One that was not read yet is replaced: what it said stands in the next.
          last = Self.fenceEvent(view, center, after: last)
          continuation.yield(last)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
    return try Kubelet(
      client: try access.client(.kubelet), configuration: configuration, health: health, fence: FenceSignal(events),
      standing: standing(), group: group)
  }

  private static func fenceEvent(_ view: ActivationView, _ center: CenterName, after last: FenceEvent) -> FenceEvent {
    var (before, apart): (FenceEvent, [String: FenceEvent]) = (.unchanged, [:])
    if case .apart(let general, let namespaces, _) = last { (before, apart) = (general, namespaces) }
    func event(_ permission: NodeAgent.Permission, _ before: FenceEvent) -> FenceEvent {
      switch permission {
      case .allowed(let until): .open(until: until)
      // The deadline that the kubelet knows, or has on record, stands.
      case .unknown: before
      case .denied(let reason): .fenced(reason: reason)
      }
    }
    let namespaces: [String: NodeAgent.Permission] = NodeAgent.namespaces(view, center: center)
    return .apart(
      general: event(NodeAgent.permission(view, center: center), before),
      namespaces: Dictionary(uniqueKeysWithValues: namespaces.map { ($0.key, event($0.value, apart[$0.key] ?? .unchanged)) }),
      version: view.record?.version ?? 0)
  }

  /// Next is the first center of the cluster's order that is not active: who takes over, or to whom the cluster goes home.
  private func standing() -> @Sendable () -> CenterStanding {
    let (center, order, observer): (CenterName, [CenterName], ActivationObserver) = (setting.center.name, setting.cluster.order, observer)
    return {
      guard let record: ActivationRecord = observer.view.record else { return .other }
      if record.center == center { return .active }
      return order.first { $0 != record.center } == center ? .next : .other
    }
  }

  private func makePodNetwork(root: String, cni: String) throws -> PodNetwork {
    guard let range = IPv4Network(setting.host.pods.description) else {
      throw ValidationFault("The pods of \(setting.host.name), \(setting.host.pods), are no IPv4 range.")
    }
    let configuration = PodNetworkConfiguration(
      hostName: setting.host.name, podRange: range, cniDirectory: cni, addressDirectory: "\(root)/addresses")
    return PodNetwork(client: try access.client(.kubelet), configuration: configuration)
  }

  /// What follows from the newest view, told with every reading.
  private func told<Told: Sendable>(_ tell: @escaping @Sendable (ActivationView) -> Told) -> AsyncStream<Told> {
    let views: AsyncStream<ActivationView> = observer.views()
    return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let task = Task { for await view in views { continuation.yield(tell(view)) } }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  func proxy() throws -> @Sendable () async throws -> Void {
    let informers = SharedInformers(client: try access.client(.proxy))
    let center: CenterName = setting.center.name
    @Sendable func permission(_ permission: NodeAgent.Permission) -> ServiceProxy.Permission {
      if case .allowed(let until) = permission { .allowed(until: until) } else { .denied }
    }
    let permissions: AsyncStream<ServiceProxy.Permission> = told { permission(NodeAgent.permission($0, center: center)) }
    let namespaces: AsyncStream<[String: ServiceProxy.Permission]> = told {
      NodeAgent.namespaces($0, center: center).mapValues { permission($0) }
    }
    let node: String = setting.host.name.value
    let body: @Sendable () async throws -> Void
    if case .containerd = runtime {
      let proxy = ServiceProxy(
        informers: informers, configuration: .init(node: node, podCIDR: setting.host.pods.description, zone: center.value),
        permissions: permissions, departures: Departures.of(observer, site: setting.site), namespaces: namespaces)
      body = { try await proxy.run() }
    } else {
      let proxy = UserspaceProxy(
        informers: informers, node: node, zone: center.value, address: setting.address, permissions: permissions, group: group)
      body = { try await proxy.run() }
    }
    return {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { await informers.run() }
        tasks.addTask { try await body() }
        try await tasks.next()
        tasks.cancelAll()
      }
    }
  }
}
