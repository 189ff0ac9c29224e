import ArgumentParser
import Console
import Federation

struct FederationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "federation",
    abstract: "Run the federation daemon alone: it renews its center's activation or takes over, fences, and shows the console.",
    discussion: "The store's leader follows the active center only where both are in one process (tricenter center).")
  @OptionGroup var options: DaemonOptions
  @OptionGroup var api: APIOptions
  @Option(help: "Port of /metrics, /livez, /readyz and the console.") var adminPort: Int = 9_091

  func run() async throws {
    let daemon = SingleDaemon("federation", try options.load(), certificate: .federation, adminPort: adminPort)
    let access: APIAccess = try daemon.access(api)
    let control: ControlDaemons = daemon.control(access)
    try await runDaemon {
      let observer: ActivationObserver = try control.observer()
      let federation: FederationController = try control.federation(observer)
      try await daemon.run(
        [daemon.watch(observer), try control.roles(observer, certificate: .federation), ("federation", { await federation.run() })],
        next: ConsoleResponder(client: try access.client(.console), next: nil))
    }
  }
}
