import ArgumentParser
import Federation
import HTTP
import KubeClient
import Kubelet
import Lab
import Logging
import NIOPosix
import Observability
import PodNetwork
import Primitives
import ServiceProxy
import Site

/// A host's kubelet and proxy, with the watcher of the activation that both obey.
struct NodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "node", abstract: "Run a host's kubelet and proxy.")
  @OptionGroup var options: DaemonOptions
  @Option(help: "Folder of pods' volumes and logs.") var root: String
  @Option(help: "unix://PATH of containerd's socket, or simulated.") var runtime: String = "unix:///run/containerd/containerd.sock"
  @Option(help: "containerd's CNI conf_dir, which this process fills.") var cni: String = "/etc/cni/net.d"

  func run() async throws {
    let setting: HostSetting = try options.load()
    let process = NodeProcess(setting: setting, root: root, runtime: try parsedRuntime(), cni: cni)
    try await runDaemon { try await process.run() }
  }

  private func parsedRuntime() throws -> KubeletConfiguration.Runtime {
    if runtime == "simulated" { return .simulated(startLatency: .zero) }
    guard runtime.hasPrefix("unix://") else { throw ValidationError("--runtime \(runtime) is neither unix://PATH nor simulated") }
    return .containerd(socket: String(runtime.dropFirst("unix://".count)))
  }
}

struct NodeProcess: Sendable {
  let setting: HostSetting
  let root: String
  let runtime: KubeletConfiguration.Runtime
  let cni: String

  func run() async throws {
    let health = HealthRegistry()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let transport: HTTPClient = try setting.apiTransport(.kubelet, group: group)
    let client = KubeClient(transport: transport, fieldManager: "kubelet")
    // The activation is read on connections of its own: a busy informer must not delay it.
    let observer = ActivationObserver(
      client: KubeClient(transport: try setting.apiTransport(.kubelet, group: group), fieldManager: "observer"),
      cluster: setting.cluster.name, margin: setting.site.activation.margin)
    let kubelet: Kubelet = try makeKubelet(client, observer, group, health)
    let agent = NodeAgent(
      client: KubeClient(transport: try setting.apiTransport(.federation, group: group), fieldManager: "federation-node"),
      observer: observer,
      center: setting.center.name, node: setting.host.name.value, exclusivePods: { await kubelet.exclusivePods() })
    let server = HTTPServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: setting.site.ports.kubelet), tls: try setting.serverTLS(.kubelet), group: group),
      responder: KubeletResponder(kubelet: kubelet, health: health))
    var daemons: [(String, @Sendable () async throws -> Void)] = [
      ("observer", { await observer.run() }), ("kubelet", { try await kubelet.run() }), ("kubelet-server", { try await server.run() }),
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
      ("proxy", { try await self.proxy(agent, group) }),
    ]
    if case .containerd = runtime {
      let network: PodNetwork = try makePodNetwork(client)
      try await network.prepare()
      daemons.append(("pod-network", { try await network.run() }))
    }
    try await runTogether(daemons, host: setting.host.name)
  }

  private func makeKubelet(
    _ client: KubeClient, _ observer: ActivationObserver, _ group: MultiThreadedEventLoopGroup, _ health: HealthRegistry
  ) throws -> Kubelet {
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
        for await view in views {
          switch NodeAgent.permission(view, center: center) {
          case .allowed(let until): continuation.yield(.open(until: until))
          // Nothing is known yet: pods that were found running are neither allowed nor killed until the kubelet's own patience ends.
          case .denied where view.record == nil || view.record?.center == center: break
          case .denied(let reason): continuation.yield(.fenced(reason: reason))
          }
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
    return try Kubelet(client: client, configuration: configuration, health: health, fence: FenceSignal(events), group: group)
  }

  private func makePodNetwork(_ client: KubeClient) throws -> PodNetwork {
    guard let range = IPv4Network(setting.host.pods.description) else {
      throw ValidationFault("The pods of \(setting.host.name), \(setting.host.pods), are no IPv4 range.")
    }
    let configuration = PodNetworkConfiguration(
      hostName: setting.host.name, podRange: range, cniDirectory: cni, addressDirectory: "\(root)/addresses")
    return PodNetwork(client: client, configuration: configuration)
  }

  private func proxy(_ agent: NodeAgent, _ group: MultiThreadedEventLoopGroup) async throws {
    let client = KubeClient(transport: try setting.apiTransport(.proxy, group: group), fieldManager: "proxy")
    let informers = SharedInformers(client: client)
    let told: AsyncStream<NodeAgent.Permission> = agent.permissions()
    let permissions = AsyncStream<ServiceProxy.Permission>(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let task = Task {
        for await permission in told {
          if case .allowed(let until) = permission { continuation.yield(.allowed(until: until)) } else { continuation.yield(.denied) }
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
    let node: String = setting.host.name.value
    let body: @Sendable () async throws -> Void
    if case .containerd = runtime {
      let proxy = ServiceProxy(
        informers: informers, configuration: .init(node: node, podCIDR: setting.host.pods.description), permissions: permissions)
      body = { try await proxy.run() }
    } else {
      let proxy = UserspaceProxy(informers: informers, node: node, address: setting.address, permissions: permissions, group: group)
      body = { try await proxy.run() }
    }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await informers.run() }
      tasks.addTask { try await body() }
      try await tasks.next()
      tasks.cancelAll()
    }
  }
}
