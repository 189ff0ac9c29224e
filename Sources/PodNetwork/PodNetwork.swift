import Glibc
import KubeClient
import KubeModel
import Logging
import Primitives
import Processes
import Synchronization

public struct PodNetworkConfiguration: Sendable {
  public var hostName: HostName
  /// This host's pods.
  public var podRange: IPv4Network
  /// containerd's `conf_dir`. Made if missing.
  public var cniDirectory: String
  /// Where host-local keeps its addresses. Made if missing.
  public var addressDirectory: String
  public var bridge: String = "tricenter0"
  /// Bytes; 0 leaves it to the kernel.
  public var mtu: Int = 0
  /// Words in front of every command, e.g. `nsenter --net=/run/netns/NAME`; empty when this process is in the host's namespace.
  public var commandPrefix: [String] = []

  public init(hostName: HostName, podRange: IPv4Network, cniDirectory: String, addressDirectory: String) {
    self.hostName = hostName
    self.podRange = podRange
    self.cniDirectory = cniDirectory
    self.addressDirectory = addressDirectory
  }
}

/// Makes this host's part of the pod network and keeps it: the CNI configuration, the kernel's switches and the routes to other
/// hosts' pods. What it made is left in place when it ends: pods go on without it.
public final class PodNetwork: Sendable {
  private let client: KubeClient
  private let configuration: PodNetworkConfiguration
  private let logger = Logger(label: "podnetwork")

  public init(client: KubeClient, configuration: PodNetworkConfiguration) {
    self.client = client
    self.configuration = configuration
  }

  /// Writes the CNI configuration and sets the kernel's switches. Before containerd is asked for its first pod.
  public func prepare() async throws {
    let text: String = try CNIConfiguration(
      networkName: "tricenter-\(configuration.hostName)", bridge: configuration.bridge, podRange: configuration.podRange,
      mtu: configuration.mtu, addressDirectory: configuration.addressDirectory
    ).text
    try ConfigurationFile.makeDirectory(configuration.cniDirectory)
    try ConfigurationFile.makeDirectory(configuration.addressDirectory)
    try ConfigurationFile.write(text, to: "\(configuration.cniDirectory)/\(CNIConfiguration.fileName)")
    for (name, value) in KernelSwitches.wanted {
      // Through a program and not by open(): the prefix may lead into another network namespace.
      try await command(["sh", "-c", "echo \(value) > /proc/sys/\(name)"])
    }
  }

  /// Prepares, then follows the Nodes until its task is cancelled.
  public func run() async throws {
    try await prepare()
    let nodes = Informer(client: client, resource: .nodes)
    let (changes, changed) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    nodes.onChange { _ in changed.yield() }
    await withDiscardingTaskGroup { group in
      group.addTask { await nodes.run() }
      group.addTask {
        while (try? await Task.sleep(for: PodNetworkLimits.reconcileEvery)) != nil { changed.yield() }
      }
      for await _ in changes {
        guard !Task.isCancelled else { break }
        // Nobody's routes are removed on the word of a cache that has not seen all Nodes yet.
        guard nodes.hasSynced else { continue }
        do {
          try await reconcile(nodes.cache.all.compactMap { HostPods(node: $0) })
          try await Task.sleep(for: PodNetworkLimits.gatherFor)
        } catch is CancellationError {
          break
        } catch {
          logger.warning("routes to other hosts' pods were not brought up to date: \(error)")
          try? await Task.sleep(for: PodNetworkLimits.retryAfter)
          changed.yield()
        }
      }
      group.cancelAll()
    }
  }

  /// Compares once and changes what differs.
  public func reconcile(_ hosts: [HostPods]) async throws {
    let table: RouteTable = try RouteReader.read(try await command(["ip", "-N", "-4", "route", "show", "table", "main"]))
    let plan: (changes: [RouteChange], unreachable: [HostName]) = RoutePlan(localHost: configuration.hostName)
      .changes(hosts: hosts, table: table)
    if !plan.unreachable.isEmpty {
      logger.debug("no way leads to \(plan.unreachable.map(\.value).sorted().joined(separator: ", "))")
    }
    guard !plan.changes.isEmpty else { return }
    // -force: one refused line does not keep the others from being carried out; the failure is told all the same.
    try await command(["ip", "-force", "-batch", "-"], input: plan.changes.map { $0.batchLine + "\n" }.joined())
    logger.info("routes changed", metadata: ["changes": "\(plan.changes.map(\.batchLine).joined(separator: "; "))"])
  }

  @discardableResult
  private func command(_ words: [String], input: String = "") async throws -> String {
    try await Command(configuration.commandPrefix + words, input: Bytes(input), timeout: .seconds(10)).run()
  }
}
