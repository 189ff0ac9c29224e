import ArgumentParser
import Drills
import Glibc
import HTTP
import KubeClient
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
    subcommands: [Run.self, Check.self, DrillVerify.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Read a runbook and tell everything that is wrong with it.")
    @Argument(help: "The runbook.") var runbook: String
    @Option(help: "The site file.") var site: String = "sites/lab/site.yaml"
    @Option(help: "text or json") var output: OutputFormat = .text

    func run() throws {
      do {
        let read: Runbook = try RunbookReader.read(path: runbook, site: try SiteReader.read(path: site))
        switch output {
        case .text: printLine("\(runbook): \(read.title), \(read.steps.count) steps: well formed")
        case .json:
          let steps: [JSONValue] = read.steps.map { ["id": .string($0.id), "title": .string($0.title), "action": .string($0.action)] }
          printJSON(["runbook": .string(runbook), "title": .string(read.title), "steps": .array(steps), "problems": []])
        }
      } catch let refused as SiteProblems {
        switch output {
        case .text: for problem in refused.problems { printLine(problem.description) }
        case .json:
          let problems: [JSONValue] = refused.problems.map {
            ["file": .string($0.file), "line": .int(Int64($0.line)), "column": .int(Int64($0.column)), "reason": .string($0.reason)]
          }
          printJSON(["runbook": .string(runbook), "problems": .array(problems)])
        }
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
    @Option(help: "Write the report as one HTML file, with the timeline drawn; of several in a row, the last one.") var page: String?
    @Option(help: "Run the drill this many times in a row and print every result, 1 to 1000.") var `repeat`: Int = 1
    @Option(help: "The variant, where the runbook has several.") var variant: String?
    @Option(help: "NAME=VALUE for a parameter of the runbook, as often as needed.") var set: [String] = []
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
      var reports: [DrillReport] = []
      for _ in 0..<`repeat` { reports.append(try await once(lab, read, tls, group)) }
      if `repeat` > 1 { try write(reports) }
      switch output {
      case .text:
        if `repeat` > 1 {
          printTable(reports)
          printLine(Distribution(reports).text)
        }
        Self.printHints(lab)
      case .json:
        printJSON(`repeat` > 1 ? ["distribution": Distribution(reports).json, "reports": document(reports)] : document(reports))
      }
      if reports.contains(where: { $0.verdict != .passed }) { throw ExitCode(1) }
    }

    func validate() throws {
      guard (1...1_000).contains(`repeat`) else { throw ValidationError("--repeat takes 1 to 1000") }
    }

    private func once(_ lab: Lab, _ runbook: Runbook, _ tls: TLSContext, _ group: MultiThreadedEventLoopGroup) async throws -> DrillReport {
      let started: MonotonicTime = SystemClock().now()
      let plan: RunPlan
      do {
        plan = try RunPlan(
          runbook, run: RunNames.name(runbook.id), variant: variant, parameters: try RunNames.values(set), site: lab.site)
      } catch let error as DrillError {
        printError(error.message)
        throw ExitCode(2)
      }
      let context = DrillContext(
        site: lab.site, plan: plan, faults: LabFaults(lab: lab), executor: LabExecutor(lab: lab), clientTLS: tls, group: group,
        copier: LabCopier(lab: lab)
      ) { line in
        printError("[\(Int((SystemClock().now() - started).inMilliseconds)) ms] \(line)")
      }
      let client: KubeClient = DrillContext.client(lab.site.hosts, site: lab.site, tls: tls, group: group)
      let siteHash: String = SHA256.hexadecimal(Bytes(LabDirectory.read(lab.directory.siteFile) ?? ""))
      let object: KubeObject
      do {
        object = try await RunStore(client: client).create(plan, siteHash: siteHash)
      } catch {
        printError("Run \(plan.run) could not be begun: \(error)")
        throw ExitCode(3)
      }
      let configuration = RunShell.Configuration(holder: RunNames.holder())
      let runner = DrillRunner(context, signer: LabSigner.identity(lab))
      // While a `Drill` runs, other moves wait for its end; production does not wait for a copy.
      var problem: (any Error)?
      let found: DrillReport? = await runner.run(
        object, configuration: configuration, recorded: plan.mode == .live,
        onReport: { report in
          do { if `repeat` == 1 { try write([report]) } } catch { problem = error }
        })
      if let problem { throw problem }
      guard let found else { throw ExitCode(3) }
      if output == .text { printLine(found.text) }
      return found
    }

    private func write(_ reports: [DrillReport]) throws {
      if let report { try LabDirectory.write(document(reports).pretty() + "\n", to: report) }
      if let page, let last: DrillReport = reports.last { try LabDirectory.write(ReportPage.text(last.document), to: page) }
    }

    /// One report, or with `--repeat` a list of them.
    private func document(_ reports: [DrillReport]) -> JSONValue {
      if let only: DrillReport = reports.first, reports.count == 1 { return only.document }
      return .array(reports.map(\.document))
    }

    private func printTable(_ reports: [DrillReport]) {
      func cell(_ text: String) -> String { String(repeating: " ", count: max(1, 13 - text.count)) + text }
      let titles: [String] = [
        "run", "detection", "election", "activation", "first write", "first request", "acknowledged", "lost", "verdict",
      ]
      printLine(titles.map(cell).joined())
      for (index, report) in reports.enumerated() {
        let times: [String] = ["detection", "election", "activation", "firstWrite", "firstRequest"].map { name in
          report.milestones[name].map { "\(Int($0)) ms" } ?? "-"
        }
        let counts: [String] = [
          String(report.acknowledgedWrites), report.lostWrites.map(String.init) ?? "unknown", report.verdict.rawValue,
        ]
        printLine(([String(index + 1)] + times + counts).map(cell).joined())
      }
    }

    /// The lab stays up: what to look at, and with what.
    private static func printHints(_ lab: Lab) { for line in lab.hints { printLine(line) } }

    private func enter(_ namespace: String) throws {
      let arguments: [String] =
        ["nsenter", "--net=/run/netns/\(namespace)", LabOptions.program] + CommandLine.arguments.dropFirst() + ["--inside"]
      var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
      execvp("nsenter", &pointers)
      throw ValidationError("nsenter cannot be run: \(String(cString: strerror(errno)))")
    }
  }
}
