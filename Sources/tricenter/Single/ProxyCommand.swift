import ArgumentParser
import Federation
import Kubelet

struct ProxyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy", abstract: "Run a host's service proxy alone: nftables, or in user space where pods are simulated.")
  @OptionGroup var options: DaemonOptions
  @OptionGroup var api: APIOptions
  @OptionGroup var runtime: RuntimeOptions
  @Option(help: "Port of /metrics, /livez and /readyz (kube-proxy's).") var adminPort: Int = 10_249

  func run() async throws {
    let daemon = SingleDaemon("proxy", try options.load(), certificate: .proxy, adminPort: adminPort)
    let access: APIAccess = try daemon.access(api)
    let parsed: KubeletConfiguration.Runtime = try runtime.parsed()
    try await runDaemon {
      let observer: ActivationObserver = try daemon.control(access).observer()
      let node = NodeDaemons(
        setting: daemon.setting, access: access, health: daemon.health, group: daemon.group, observer: observer, runtime: parsed)
      try await daemon.run([daemon.watch(observer), ("proxy", try node.proxy())])
    }
  }
}
