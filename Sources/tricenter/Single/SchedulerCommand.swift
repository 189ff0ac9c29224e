import ArgumentParser
import Federation

struct SchedulerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scheduler", abstract: "Run the scheduler alone; it binds while this host's center is active, and onto its nodes.")
  @OptionGroup var options: DaemonOptions
  @OptionGroup var api: APIOptions
  @Option(help: "Port of /metrics, /livez and /readyz (kube-scheduler's).") var adminPort: Int = 10_259

  func run() async throws {
    let daemon = SingleDaemon("scheduler", try options.load(), certificate: .scheduler, adminPort: adminPort)
    let control: ControlDaemons = daemon.control(try daemon.access(api))
    try await runDaemon {
      let observer: ActivationObserver = try control.observer()
      let scheduler = try control.scheduler(observer)
      try await daemon.run([daemon.watch(observer), ("scheduler", { try await scheduler.run() })])
    }
  }
}
