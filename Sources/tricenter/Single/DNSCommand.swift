import ArgumentParser
import Federation

struct DNSCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dns", abstract: "Run the name server alone: the cluster's Services and the federation's global names.")
  @OptionGroup var options: DaemonOptions
  @OptionGroup var api: APIOptions
  @Option(help: "Port of /metrics, /livez and /readyz (CoreDNS's for metrics).") var adminPort: Int = 9_153

  func run() async throws {
    let daemon = SingleDaemon("dns", try options.load(), certificate: .dns, adminPort: adminPort)
    let control: ControlDaemons = daemon.control(try daemon.access(api))
    try await runDaemon {
      let observer: ActivationObserver = try control.observer()
      try await daemon.run([daemon.watch(observer), ("dns", try control.dns(observer))])
    }
  }
}
