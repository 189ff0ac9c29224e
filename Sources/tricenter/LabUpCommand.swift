import ArgumentParser
import Lab
import Primitives
import Site

struct LabUp: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Bring the lab up, or what is missing of it.")
  @OptionGroup var lab: LabOptions
  @Option(help: "The site file.") var site: String = "sites/lab/site.yaml"
  @Option(help: "Seconds to wait until every center serves.") var timeout: Int = 60

  func run() async throws {
    let started: MonotonicTime = SystemClock().now()
    let progress: Lab.Progress = { printError("[\(Int((SystemClock().now() - started).inMilliseconds)) ms] \($0)") }
    let mode: LabMode = await LabMode.detect()
    if case .loopback(let reason) = mode {
      printError("The lab falls back to loopback addresses and SIMULATED pods: \(reason).")
    }
    let lab = try Lab.prepare(directory: self.lab.folder, siteFile: site, mode: mode, program: LabOptions.program)
    progress("certificates in \(lab.directory.pki)")
    try await lab.bringUpNetwork(progress)
    for host in lab.site.hosts { try lab.power(on: host.name) }
    progress("hosts: \(lab.site.hosts.map(\.name.value).joined(separator: " "))")
    try lab.bringUpRelay()
    try lab.writeKubeconfigs()
    try await lab.loadImages(progress)
    progress("up")
  }
}

struct LabDown: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "down", abstract: "Take the lab down and leave nothing behind.")
  @OptionGroup var lab: LabOptions
  func run() async throws {
    try await Lab.down(directory: lab.folder) { printError($0) }
  }
}

struct LabStatus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "status", abstract: "Show hosts and lines.")
  @OptionGroup var lab: LabOptions
  func run() async throws {
    let lab: Lab = try self.lab.lab()
    for center in lab.site.centers {
      for host in center.hosts {
        printLine("\(center.name)  \(host.name)  \(host.address)  \(lab.isPowered(host.name) ? "on" : "off")")
      }
    }
  }
}
