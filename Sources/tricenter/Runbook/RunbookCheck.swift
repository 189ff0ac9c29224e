import ArgumentParser
import Drills
import Federation
import Glibc
import KubeClient
import KubeModel
import Primitives
import Site

/// What makes a plan of a runbook.
struct PlanOptions: ParsableArguments {
  @Argument(help: "The runbook.") var runbook: String
  @Option(help: "The variant, where the runbook has several.") var variant: String?
  @Option(help: "NAME=VALUE for a parameter, as often as needed.") var set: [String] = []
  @Option(help: "precheck, dry-run, isolated or live; without it, what the runbook says.") var mode: String?

  /// Throws every reason why it cannot be run so, as a refusal.
  func plan(_ site: Site, run: String? = nil) throws -> RunPlan {
    let wanted: RunPlan.Mode? = mode.flatMap { RunPlan.Mode(rawValue: $0) }
    if let mode, wanted == nil {
      throw CommandFailure(.refused, "--mode takes \(RunPlan.Mode.allCases.map(\.rawValue).joined(separator: ", ")), not \(mode).")
    }
    do {
      let read: Runbook = try RunbookReader.read(path: runbook, site: site)
      return try RunPlan(
        read, run: run ?? RunNames.name(read.id), mode: wanted, variant: variant, parameters: try RunNames.values(set), site: site)
    } catch let problems as SiteProblems {
      throw CommandFailure(.refused, problems.description)
    } catch let error as DrillError {
      throw CommandFailure(.refused, error.message)
    }
  }
}

struct RunbookCheck: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Tell everything that is wrong with a runbook, with its line.",
    discussion: "Against the site file; with a kubeconfig or a lab that is up also against the cluster, unless --offline.")
  @OptionGroup var place: RunbookOptions
  @Argument(help: "The runbook.") var runbook: String
  @Flag(help: "Only against the site file.") var offline: Bool = false
  @Option(name: .shortAndLong, help: "text or json") var output: OutputFormat = .text

  func run() async throws {
    try await CommandFailure.told {
      let lab = try place.lab()
      let site: Site = try place.siteFile(lab).site
      var problems: [SiteProblem] = []
      var read: Runbook?
      do {
        let found: Runbook = try RunbookReader.read(path: runbook, site: site)
        read = found
        if !offline, lab != nil || place.person.kubeconfig != nil { problems = try await liveProblems(found, site) }
      } catch let refused as SiteProblems {
        problems = refused.problems
      }
      show(read, problems)
      if !problems.isEmpty { throw Outcome.refused.code }
    }
  }

  /// Of every variant, with the parameters' defaults; a runbook that cannot be planned without values is looked at as far as it can be.
  private func liveProblems(_ runbook: Runbook, _ site: Site) async throws -> [SiteProblem] {
    let client: KubeClient = try await place.client()
    var problems: [SiteProblem] = []
    for variant in runbook.variants.isEmpty ? [nil] : runbook.variants.map({ Optional($0.name) }) {
      guard let plan = try? RunPlan(runbook, run: "check", variant: variant, site: site) else { continue }
      for problem in try await LiveChecks.problems(plan, file: self.runbook, client: client) where !problems.contains(problem) {
        problems.append(problem)
      }
    }
    return problems
  }

  private func show(_ read: Runbook?, _ problems: [SiteProblem]) {
    switch output {
    case .text:
      for problem in problems { printLine(problem.description) }
      if problems.isEmpty, let read { printLine("\(runbook): \(read.title), \(read.steps.count) steps: well formed") }
    case .json:
      let steps: [JSONValue] = (read?.steps ?? []).map {
        ["id": .string($0.id), "title": .string($0.title), "action": .string($0.action)]
      }
      let found: [JSONValue] = problems.map {
        ["file": .string($0.file), "line": .int(Int64($0.line)), "column": .int(Int64($0.column)), "reason": .string($0.reason)]
      }
      printJSON(["runbook": .string(runbook), "title": .string(read?.title ?? ""), "steps": .array(steps), "problems": .array(found)])
    }
  }
}

struct RunbookPlan: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Draw what a run would do: which step waits for which, what changes something, how long it takes.")
  @OptionGroup var place: RunbookOptions
  @OptionGroup var options: PlanOptions
  @Option(name: .shortAndLong, help: "text or json") var output: OutputFormat = .text

  func run() async throws {
    try await CommandFailure.told {
      let plan: RunPlan = try options.plan(try place.siteFile(try place.lab()).site, run: "plan")
      switch output {
      case .text: printLine(PlanDrawing.text(plan))
      case .json: printJSON(PlanDrawing.json(plan))
      }
    }
  }
}
