import ArgumentParser
import Federation

struct ControllerManagerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "controller-manager", abstract: "Run the controllers alone; they work while this host's center is active.")
  @OptionGroup var options: DaemonOptions
  @OptionGroup var api: APIOptions
  @Option(help: "Port of /metrics, /livez and /readyz (kube-controller-manager's).") var adminPort: Int = 10_257

  func run() async throws {
    let daemon = SingleDaemon("controller-manager", try options.load(), certificate: .controllerManager, adminPort: adminPort)
    let control: ControlDaemons = daemon.control(try daemon.access(api))
    try await runDaemon {
      let observer: ActivationObserver = try control.observer()
      let manager = try control.controllers(observer)
      try await daemon.run([daemon.watch(observer), ("controller-manager", { try await manager.run() })])
    }
  }
}
