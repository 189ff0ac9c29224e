import ArgumentParser

/// All of a center's control plane on one host, in one process.
struct CenterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "center",
    abstract: "Run a host's part of its center's control plane: store, apiserver, controllers, scheduler, DNS, federation.")
  @OptionGroup var options: DaemonOptions
  @Option(help: "Folder of the store's journal.") var data: String

  func run() async throws {
    let setting: HostSetting = try options.load()
    let data: String = data
    try await runDaemon { try await CenterProcess(setting: setting, data: data).run() }
  }
}
