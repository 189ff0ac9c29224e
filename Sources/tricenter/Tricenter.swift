import ArgumentParser
import Glibc

@main
struct Tricenter: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tricenter",
    abstract: "Kubernetes clusters across two sites and three centers that go on when a center dies.",
    subcommands: [
      CenterCommand.self, NodeCommand.self, StoreCommand.self, APIServerCommand.self, ControllerManagerCommand.self, SchedulerCommand.self,
      KubeletCommand.self, ProxyCommand.self, DNSCommand.self, IngressCommand.self, FederationCommand.self, SiteCommand.self,
      PKICommand.self, StatusCommand.self, ReadinessCommand.self, SwitchoverCommand.self, FailoverCommand.self, FailbackCommand.self,
      ReprotectCommand.self, EvacuateCommand.self, DisasterCommand.self, OperationCommand.self, VantageCommand.self, LabCommand.self,
      RunbookCommand.self,
      DrillCommand.self, BenchCommand.self,
      SimulateCommand.self, TortureCommand.self, FuzzCommand.self,
    ])

  /// As ArgumentParser's own, but for a line that cannot be understood: it is refused, with the exit code that refusals have everywhere
  /// (sysexits' 64 would be a fifth code).
  static func main() async {
    do {
      var command: any ParsableCommand = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      printError(fullMessage(for: error))
      Glibc.exit(Outcome.refused.rawValue)
    }
  }
}
