import Glibc
import KubeClient
import KubeModel
import Logging
import NIOCore
import NIOPosix
import Primitives
import Synchronization

/// Services without nftables, for machines where the lab has no network namespaces: TCP connections to ClusterIPs and NodePorts are taken
/// here and copied to an endpoint. Says so in its log; UDP and affinity are not served in this mode.
public final class UserspaceProxy: Sendable {
  private struct Target: Sendable {
    var endpoints: [ServicePort.Endpoint]
    /// Served whether or not this center is active.
    var isHot: Bool = false
    var turn: Int = 0
  }
  private struct State {
    var targets: [String: Target] = [:]
    var listeners: [String: any Channel] = [:]
    var allowedUntil: MonotonicTime?
    var open: Int = 0
  }

  private let node: String
  private let zone: String?
  private let address: String
  private let services: Informer
  private let slices: Informer
  private let permissions: AsyncStream<ServiceProxy.Permission>
  private let group: any EventLoopGroup
  private let clock: any TimeSource
  private let logger = Logger(label: "proxy.userspace")
  private let state: Mutex<State> = Mutex(State())

  public init(
    informers: SharedInformers, node: String, zone: String? = nil, address: String, permissions: AsyncStream<ServiceProxy.Permission>,
    group: any EventLoopGroup, clock: any TimeSource = SystemClock()
  ) {
    self.node = node
    self.zone = zone
    self.address = address
    services = informers.informer(.services)
    slices = informers.informer(.endpointSlices)
    self.permissions = permissions
    self.group = group
    self.clock = clock
  }

  /// Runs until its task is cancelled.
  public func run() async throws {
    logger.notice("no nftables here: Services are served in this process, TCP only")
    let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    for informer in [services, slices] { informer.onChange { _ in continuation.yield() } }
    try await services.waitUntilSynced()
    try await slices.waitUntilSynced()
    continuation.yield()
    let permissions: AsyncStream<ServiceProxy.Permission> = permissions
    await withDiscardingTaskGroup { group in
      group.addTask {
        for await _ in changes {
          await self.sync()
          try? await Task.sleep(for: ProxyLimits.settle)
        }
      }
      group.addTask {
        for await permission in permissions {
          self.state.withLock { state in
            if case .allowed(let until) = permission { state.allowedUntil = until } else { state.allowedUntil = nil }
          }
        }
      }
    }
    for listener in state.withLock({ Array($0.listeners.values) }) { try? await listener.close() }
  }

  private func sync() async {
    var wanted: [String: (endpoints: [ServicePort.Endpoint], isHot: Bool)] = [:]
    let ports: [ServicePort] = ServicePort.all(services: services.cache.all, slices: slices.cache.all, node: node, zone: zone)
    for port in ports where port.transport == "tcp" {
      for clusterIP in port.clusterIPs { wanted["\(clusterIP):\(port.port)"] = (port.endpoints, port.isHot) }
      if let nodePort: Int64 = port.nodePort { wanted["\(address):\(nodePort)"] = (port.localEndpoints ?? port.endpoints, port.isHot) }
    }
    let (gone, new) = state.withLock { state -> ([any Channel], [String]) in
      let goneKeys: [String] = state.listeners.keys.filter { wanted[$0] == nil }
      let gone: [any Channel] = goneKeys.compactMap { state.listeners.removeValue(forKey: $0) }
      for key in goneKeys { state.targets[key] = nil }
      for (key, port) in wanted {
        state.targets[key, default: Target(endpoints: [])].endpoints = port.endpoints
        state.targets[key]?.isHot = port.isHot
      }
      return (gone, wanted.keys.filter { state.listeners[$0] == nil })
    }
    for channel in gone { try? await channel.close() }
    for key in new { await listen(key) }
  }

  private func listen(_ key: String) async {
    let parts: [Substring] = key.split(separator: ":")
    guard parts.count == 2, let port = Int(parts[1]) else { return }
    do {
      let channel: any Channel = try await ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        // Every host of the machine listens on the same ClusterIPs.
        .serverChannelOption(.socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT)), value: 1)
        .childChannelOption(.autoRead, value: false)
        .childChannelInitializer { client in self.connect(client, key) }
        .bind(host: String(parts[0]), port: port).get()
      state.withLock { $0.listeners[key] = channel }
    } catch {
      logger.warning("cannot listen on \(key): \(error)")
    }
  }

  private func connect(_ client: any Channel, _ key: String) -> EventLoopFuture<Void> {
    let endpoint: ServicePort.Endpoint? = state.withLock { state in
      guard state.open < ProxyLimits.userspaceConnections, var target: Target = state.targets[key], !target.endpoints.isEmpty,
        target.isHot || state.allowedUntil.map({ clock.now() < $0 }) == true
      else { return nil }
      target.turn += 1
      state.targets[key] = target
      state.open += 1
      return target.endpoints[target.turn % target.endpoints.count]
    }
    guard let endpoint else { return client.close() }
    client.closeFuture.whenComplete { _ in self.state.withLock { $0.open -= 1 } }
    return ClientBootstrap(group: client.eventLoop).channelOption(.autoRead, value: false).connectTimeout(.seconds(1))
      .connect(host: endpoint.address, port: Int(endpoint.port))
      .flatMapThrowing { server in
        let (there, back) = CopyHandler.pair()
        try client.pipeline.syncOperations.addHandler(there)
        try server.pipeline.syncOperations.addHandler(back)
        try client.syncOptions?.setOption(.autoRead, value: true)
        try server.syncOptions?.setOption(.autoRead, value: true)
      }
      .flatMapErrorThrowing { error in
        client.close(promise: nil)
        throw error
      }
  }
}
