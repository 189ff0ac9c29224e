import ArgumentParser
import Federation
import Kubelet

/// How pods are run on a host, for `kubelet`, `proxy` and `node`.
struct RuntimeOptions: ParsableArguments {
  @Option(help: "unix://PATH of containerd's socket, or simulated.") var runtime: String = "unix:///run/containerd/containerd.sock"

  func parsed() throws -> KubeletConfiguration.Runtime {
    if runtime == "simulated" { return .simulated(startLatency: .zero) }
    guard runtime.hasPrefix("unix://") else { throw ValidationError("--runtime \(runtime) is neither unix://PATH nor simulated") }
    return .containerd(socket: String(runtime.dropFirst("unix://".count)))
  }
}

/// Folders of a host's kubelet.
struct NodeFolders: ParsableArguments {
  @Option(help: "Folder of pods' volumes and logs.") var root: String
  @Option(help: "containerd's CNI conf_dir, which this process fills.") var cni: String = "/etc/cni/net.d"
}

struct KubeletCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kubelet", abstract: "Run a host's kubelet alone, with the pod network and the agent that reports for the federation.")
  @OptionGroup var options: DaemonOptions
  @OptionGroup var api: APIOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var folders: NodeFolders
  @Option(help: "Port of /metrics, /livez and /readyz (kubelet's for health).") var adminPort: Int = 10_248

  func run() async throws {
    let daemon = SingleDaemon("kubelet", try options.load(), certificate: .kubelet, adminPort: adminPort)
    let access: APIAccess = try daemon.access(api)
    let (parsed, folders): (KubeletConfiguration.Runtime, NodeFolders) = (try runtime.parsed(), folders)
    try await runDaemon {
      let observer: ActivationObserver = try daemon.control(access).observer()
      let node = NodeDaemons(
        setting: daemon.setting, access: access, health: daemon.health, group: daemon.group, observer: observer, runtime: parsed)
      try await daemon.run([daemon.watch(observer)] + (try await node.kubelet(root: folders.root, cni: folders.cni)))
    }
  }
}
