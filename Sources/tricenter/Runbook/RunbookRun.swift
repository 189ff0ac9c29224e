import ArgumentParser
import Drills
import Glibc
import KubeClient
import KubeModel
import Lab
import Logging
import Observability
import Primitives
import Site
import TLS

/// Carrying runs out, for `run`, `resume` and `drill run`.
struct RunExecution: ParsableArguments {
  @Option(help: "Write the report as JSON to this file.") var report: String?
  @Option(help: "Write the report as one HTML file, with the timeline drawn.") var page: String?
  @Option(help: "The folder of `tricenter pki` with the key that reports are signed with; a lab has its own.") var pki: String?
  @Flag(help: .hidden) var inside: Bool = false

  /// Clients of a lab live on its branch: the whole command moves into its network namespace.
  func enterBranch(_ options: RunbookOptions) throws {
    guard !inside, let namespace: String = try options.lab()?.branchNamespace else { return }
    let arguments: [String] =
      ["nsenter", "--net=/run/netns/\(namespace)", LabOptions.program] + CommandLine.arguments.dropFirst() + ["--inside"]
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    execvp("nsenter", &pointers)
    throw CommandFailure(.unknown, "nsenter cannot be run: \(String(cString: strerror(errno)))")
  }

  func prepareLogs() {
    Logs.bootstrap(level: .error)
    PrometheusRegistry.shared.bootstrap()
  }

  /// Until the end of the run, with progress told on standard error.
  func carryOut(_ plan: RunPlan, _ object: KubeObject, _ place: RunbookPlace, recorded: Bool) async throws -> DrillReport {
    let started: MonotonicTime = SystemClock().now()
    let context: DrillContext = place.context(plan) { line in
      printError("[\(Int((SystemClock().now() - started).inMilliseconds)) ms] \(line)")
    }
    let runner = DrillRunner(context, signer: place.signer)
    var problem: (any Error)?
    let found: DrillReport? = await runner.run(
      object, configuration: .init(holder: RunNames.holder()), recorded: recorded,
      onReport: { report in
        do { try write(report.document) } catch { problem = error }
      })
    if let problem { throw problem }
    guard let found else {
      throw CommandFailure(.unknown, "Another runner goes on with run \(plan.run): tricenter runbook status \(plan.run) --watch")
    }
    return found
  }

  func write(_ document: JSONValue) throws {
    if let report { try LabDirectory.write(document.pretty() + "\n", to: report) }
    if let page { try LabDirectory.write(ReportPage.text(document), to: page) }
  }

  static func outcome(_ verdict: RunRecord.Verdict) -> Outcome {
    switch verdict {
    case .passed: .done
    case .failed: .failed
    case .inconclusive: .unknown
    }
  }

  /// Tells the report, which is written, and ends with what it says.
  func finish(_ found: DrillReport, _ output: ListFormat, _ client: KubeClient) async throws {
    switch output {
    case .json: printJSON(found.document)
    case .table, .wide: printLine(found.plan.mode == .live || found.plan.mode == .isolated ? found.text : RunText.ended(found))
    case .yaml, .name:
      let object: KubeObject = try await client.get(.runbookRuns, name: found.plan.run)
      printLine(ObjectOutput.text([object], output, isList: false) { _ in TextTable([]) })
    }
    let outcome: Outcome = Self.outcome(found.verdict)
    if outcome != .done { throw outcome.code }
  }
}

struct RunbookRun: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Carry a runbook out.",
    discussion: """
      Modes: precheck looks at what must hold before the first steps; dry-run tells what every step would do; isolated acts in a
      fenced copy that a step makes, and refuses what would reach the real federation; live does it. The run is kept in the store: when this command dies, `tricenter runbook resume RUN` goes on
      from any center.
      """)
  @OptionGroup var place: RunbookOptions
  @OptionGroup var options: PlanOptions
  @OptionGroup var execution: RunExecution
  @Option(help: "The run's name; made up by default.") var name: String?
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  func run() async throws {
    try await CommandFailure.told {
      try execution.enterBranch(place)
      execution.prepareLogs()
      let ground = try RunbookPlace(place, pki: execution.pki)
      let plan: RunPlan = try options.plan(ground.site, run: name)
      let problems: [SiteProblem] = try await LiveChecks.problems(plan, file: options.runbook, client: ground.client)
      guard problems.isEmpty else { throw CommandFailure(.refused, problems.map(\.description).joined(separator: "\n")) }
      let object: KubeObject
      do {
        object = try await RunStore(client: ground.client).create(plan, siteHash: ground.siteHash)
      } catch let error as DrillError {
        throw CommandFailure(.refused, error.message)
      }
      guard object.status["runner"]["epoch"].int ?? 0 == 0 else {
        throw CommandFailure(.refused, "Run \(plan.run) was begun before. Go on with it: tricenter runbook resume \(plan.run)")
      }
      printError("runbookrun/\(plan.run)")
      try await execution.finish(try await execution.carryOut(plan, object, ground, recorded: false), output, ground.client)
    }
  }
}

struct RunbookResume: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Go on with a run whose runner died, or is not heard of for its lease.",
    discussion: """
      What a step did before is asked, never done twice. A run that somebody carries out is refused (2). Of a run that is over the end is
      told, with its exit code: 0 passed, 1 failed, 3 nobody can tell.
      """)
  @OptionGroup var place: RunbookOptions
  @OptionGroup var execution: RunExecution
  @Argument(help: ArgumentHelp("The run.", valueName: "run")) var name: String
  @Option(help: "How long its runner is waited for to be silent.") var wait: String = "30s"
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  func run() async throws {
    try await CommandFailure.told {
      guard let patience = Duration(siteText: wait) else {
        throw CommandFailure(.refused, "--wait \(wait) is not a time such as 30s.")
      }
      try execution.enterBranch(place)
      execution.prepareLogs()
      let ground = try RunbookPlace(place, pki: execution.pki)
      let client: KubeClient = ground.client
      let plan: RunPlan
      let object: KubeObject
      do {
        object = try await RunStore(client: client).whenFree(name, clock: SystemClock(), patience: patience)
        plan = try RunStore.plan(object, site: ground.site)
      } catch let error as DrillError {
        throw CommandFailure(.refused, error.message)
      } catch let problems as SiteProblems {
        throw CommandFailure(.refused, "The site file is not the one that the run was checked against: \(problems)")
      }
      guard object.status["finishedAt"].string == nil else { return try tell(object) }
      let isDrill: Bool = try await client.find(.drills, name: name) != nil
      try await execution.finish(try await execution.carryOut(plan, object, ground, recorded: isDrill), output, client)
    }
  }

  /// Whoever resumes a run wants to know what became of it; it may have ended while its runner was waited for.
  private func tell(_ run: KubeObject) throws {
    printError("Run \(name) is over: nothing is left to be done.")
    printLine(ObjectOutput.text([run], output, isList: false) { wide in RunText.table(run, wide: wide, now: SystemClock().wall()) })
    if output == .table || output == .wide { printLine(RunText.summary(run)) }
    let outcome: Outcome = run.status["verdict"].string.flatMap(RunRecord.Verdict.init).map(RunExecution.outcome) ?? .unknown
    if outcome != .done { throw outcome.code }
  }
}
