import ArgumentParser

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
}
