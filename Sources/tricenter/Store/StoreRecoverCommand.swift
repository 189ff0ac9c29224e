import ArgumentParser
import Glibc
import Journal
import Primitives
import Site
import Store

struct StoreRecoverCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "The majority is lost for good: make the survivors of one center a new cluster, and certify what may be lost.",
    discussion: """
      Run it on one host of the surviving center while its members run; they need no majority for it. The longest log of the survivors goes \
      on, revisions jump forward, and members of before are refused until they have handed in what they alone had and rejoined. Refused while \
      a majority answers. With --dry-run nothing is changed and what would be is printed. Exit code 0: done. 2: refused. 1: failed on the \
      way: run it again.
      """)
  @OptionGroup var reach: StoreReach
  @Option(help: "The surviving center.") var center: String
  @Option(help: "The cluster's name in the site file, to be sure that this is the one that is meant.") var confirm: String
  @Flag(help: "Say what would be done.") var dryRun: Bool = false
  @Option(help: "Who decided it: stands in the certificate.") var by: String?
  @Option(help: "The folder where recovery-EPOCH.json and recovery-EPOCH.txt are written.") var certificate: String = "."
  @Option(help: "text or json") var output: OutputFormat = .text

  func run() async throws {
    let (site, tool): (Site, RecoveryTool) = try reach.load()
    let center: CenterName = try reach.center(center, site)
    let names: [String] = site.clusters.map(\.name)
    guard names.contains(confirm) else {
      printError("--confirm \(confirm): the clusters of \(reach.site) are \(names.joined(separator: ", ")). Nothing was changed.")
      throw ExitCode(2)
    }
    try await telling {
      let result: RecoveryCertificate = try await tool.recover(
        center: center, clusterName: confirm, by: by ?? "\(Self.user)@\(reach.host)", time: SystemClock().wall(), isDryRun: dryRun)
      if !dryRun {
        try Self.write(result.json + "\n", "recovery-\(result.epoch).json", certificate)
        try Self.write(result.text, "recovery-\(result.epoch).txt", certificate)
      }
      printLine(output == .json ? result.json : result.text)
      guard !dryRun else { return }
      try await tool.awaitLeader(center: center, epoch: result.epoch, patience: .seconds(30))
      if output == .text { printLine("The survivors have a leader and take writes. The certificate is in \(certificate).") }
    }
  }

  static var user: String {
    getenv("SUDO_USER").map { String(cString: $0) } ?? getenv("USER").map { String(cString: $0) } ?? "root"
  }

  static func write(_ text: String, _ name: String, _ folder: String) throws {
    let file: any DiskFile = try PosixDisk(folder).open(name, create: true)
    defer { file.close() }
    try file.write(Bytes(text), at: 0)
    try file.sync()
  }
}
