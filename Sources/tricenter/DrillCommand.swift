import ArgumentParser
import Drills
import Glibc
import HTTP
import KubeModel
import Lab
import Logging
import NIOPosix
import Observability
import Primitives
import Processes
import Site
import TLS

struct DrillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill", abstract: "Run runbooks on purpose, with faults injected, measured and undone.",
    subcommands: [Run.self, Check.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Read a runbook and tell everything that is wrong with it.")
    @Argument(help: "The runbook.") var runbook: String
    @Option(help: "The site file.") var site: String = "sites/lab/site.yaml"

    func run() throws {
      do {
        let read: Runbook = try RunbookReader.read(path: runbook, site: try SiteReader.read(path: site))
        printLine("\(runbook): \(read.title), \(read.steps.count) steps: well formed")
      } catch let refused as SiteProblems {
        for problem in refused.problems { printLine(problem.description) }
        throw ExitCode(2)
      }
    }
  }

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run a drill in the lab.", discussion: "Exit code 0: the verdict is passed. 1: failed. 2: the runbook was refused.")
    @OptionGroup var lab: LabOptions
    @Argument(help: "The runbook.") var runbook: String
    @Option(help: "Write the report as JSON to this file.") var report: String?
    @Option(help: "text or json") var output: OutputFormat = .text
    @Flag(help: .hidden) var inside: Bool = false

    func run() async throws {
      let lab: Lab = try self.lab.lab()
      // Clients of a drill live on the branch: the whole drill moves into its network namespace.
      if !inside, let namespace: String = lab.branchNamespace { try enter(namespace) }
      Logs.bootstrap(level: .error)
      PrometheusRegistry.shared.bootstrap()
      let read: Runbook
      do {
        read = try RunbookReader.read(path: runbook, site: lab.site)
      } catch let refused as SiteProblems {
        for problem in refused.problems { printError(problem.description) }
        throw ExitCode(2)
      }
      let pki = FederationPKI(directory: lab.directory.pki)
      let person = pki.files(person: "admin")
      let tls = try TLSContext.client(
        identity: .files(certificate: person.certificate, key: person.key), trust: .file(pki.authorityCertificate),
        applicationProtocols: HTTPServerConfiguration.applicationProtocols)
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
      let started: MonotonicTime = SystemClock().now()
      let context = DrillContext(site: lab.site, runbook: read, faults: LabFaults(lab: lab), clientTLS: tls, group: group) { line in
        printError("[\(Int((SystemClock().now() - started).inMilliseconds)) ms] \(line)")
      }
      let found: DrillReport = await DrillRunner(context).run()
      if let report { try LabDirectory.write(found.json.pretty() + "\n", to: report) }
      switch output {
      case .text: printLine(found.text)
      case .json: printJSON(found.json)
      }
      if found.verdict != .passed { throw ExitCode(1) }
    }

    private func enter(_ namespace: String) throws {
      let arguments: [String] =
        ["nsenter", "--net=/run/netns/\(namespace)", LabOptions.program] + CommandLine.arguments.dropFirst() + ["--inside"]
      var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
      execvp("nsenter", &pointers)
      throw ValidationError("nsenter cannot be run: \(String(cString: strerror(errno)))")
    }
  }
}

/// The lab's power switches and lines as what breaks things.
struct LabFaults: FaultInjector {
  let lab: Lab

  func lose(_ center: CenterName) async throws -> String {
    let hosts: [HostName] = lab.site.center(center)?.hosts.map(\.name) ?? []
    guard lab.usesNamespaces else { return "\(lab.power(off: hosts)) processes ended by SIGKILL" }
    let lab: Lab = lab
    // Both at once: the lines on another thread while the processes die.
    async let cut: Void = Task.detached { try lab.isolate(center.value, cut: true) }.value
    let ended: Int = lab.power(off: hosts)
    try await cut
    return "\(ended) processes ended by SIGKILL, every line of \(center) cut"
  }

  func giveBack(_ center: CenterName) async throws -> String {
    if lab.usesNamespaces { try lab.isolate(center.value, cut: false) }
    for host in lab.site.center(center)?.hosts ?? [] { try lab.power(on: host.name) }
    return "power and lines of \(center) are back"
  }

  func residentBytes(_ host: HostName) -> Int? {
    guard let pid: pid_t = lab.centerProcess(of: host), let text: String = LabDirectory.read("/proc/\(pid)/status", limit: 16_384),
      let line: Substring = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let kibibytes = Int(line.filter(\.isNumber))
    else { return nil }
    return kibibytes * 1_024
  }

  var simulated: [String] {
    lab.usesNamespaces
      ? [] : ["pods are simulated, and the centers are loopback addresses of one machine without delay between them; lines were not cut"]
  }
}
