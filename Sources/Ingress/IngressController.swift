import KubeClient
import KubeModel
import Logging
import Observability
import Primitives
import Synchronization

/// Keeps nginx in step with the Services that want to be reached by host name.
public final class IngressController: Sendable {
  private let configuration: NginxConfiguration
  private let services: Informer
  private let slices: Informer
  private let logger = Logger(label: "ingress")
  private let failure: Mutex<String?> = Mutex("Services and EndpointSlices have not been listed yet")
  private let told: Mutex<Set<RouteTable.Refusal>> = Mutex([])

  public init(client: KubeClient, configuration: NginxConfiguration, health: HealthRegistry? = nil) {
    precondition(IngressLimits.settle < IngressLimits.retry, "a retry that is quicker than a change would starve changes")
    self.configuration = configuration
    services = Informer(client: client, resource: .services)
    slices = Informer(client: client, resource: .endpointSlices)
    health?.register("ingress") { [weak self] in self?.failure.withLock { $0 } }
  }

  /// Runs until its task is cancelled; nginx goes on then with what it has: a daemon that restarts must not be an outage.
  /// Throws `.missing` without nginx.
  public func run() async throws {
    let nginx = try Nginx(configuration: configuration)
    let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    for informer in [services, slices] { informer.onChange { _ in continuation.yield() } }
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { await self.services.run() }
      group.addTask { await self.slices.run() }
      group.addTask {
        try await self.services.waitUntilSynced()
        try await self.slices.waitUntilSynced()
        continuation.yield()
        for await _ in changes {
          await self.sync(nginx)
          try await Task.sleep(for: IngressLimits.settle)
        }
      }
    }
  }

  private func sync(_ nginx: Nginx) async {
    while !Task.isCancelled {
      let table = RouteTable(services: services.cache.all, slices: slices.cache.all)
      tell(table.refusals)
      let text: String = configuration.render(table.routes)
      if text == nginx.current, nginx.process != nil {
        failure.withLock { $0 = nil }
        return
      }
      do {
        try await nginx.apply(text)
        logger.info("nginx took a configuration", metadata: ["routes": "\(table.routes.count)"])
        failure.withLock { $0 = nil }
        return
      } catch {
        logger.error("\(error)")
        failure.withLock { $0 = "\(error)" }
        try? await Task.sleep(for: IngressLimits.retry)
      }
    }
  }

  /// Every refusal once, for as long as it lasts.
  private func tell(_ refusals: [RouteTable.Refusal]) {
    let now: Set<RouteTable.Refusal> = Set(refusals)
    let new: Set<RouteTable.Refusal> = told.withLock { told in
      defer { told = now }
      return now.subtracting(told)
    }
    for refusal in new { logger.warning("no route: \(refusal.reason)", metadata: ["service": "\(refusal.service)"]) }
  }
}
