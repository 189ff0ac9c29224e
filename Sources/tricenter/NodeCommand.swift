import ArgumentParser
import Federation
import Kubelet
import NIOPosix
import Observability

/// A host's kubelet and proxy, with the watcher of the activation that both obey.
struct NodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "node", abstract: "Run a host's kubelet and proxy.")
  @OptionGroup var options: DaemonOptions
  @OptionGroup var folders: NodeFolders
  @OptionGroup var runtime: RuntimeOptions

  func run() async throws {
    let setting: HostSetting = try options.load()
    let (parsed, folders): (KubeletConfiguration.Runtime, NodeFolders) = (try runtime.parsed(), folders)
    try await runDaemon {
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
      let health = HealthRegistry()
      let kubelets: APIAccess = .remote(setting, certificate: .kubelet, group: group)
      let observer: ActivationObserver = try ControlDaemons(setting: setting, access: kubelets, health: health, group: group).observer()
      func daemons(_ access: APIAccess) -> NodeDaemons {
        NodeDaemons(setting: setting, access: access, health: health, group: group, observer: observer, runtime: parsed)
      }
      let kubelet: [Daemon] = try await daemons(kubelets).kubelet(root: folders.root, cni: folders.cni)
      let proxy: @Sendable () async throws -> Void = try daemons(.remote(setting, certificate: .proxy, group: group)).proxy()
      try await runTogether([("observer", { await observer.run() }), ("proxy", proxy)] + kubelet, host: setting.host.name)
    }
  }
}
