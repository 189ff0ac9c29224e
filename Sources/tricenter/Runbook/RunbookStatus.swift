import ArgumentParser
import Drills
import KubeClient
import KubeModel
import Primitives

struct RunbookStatus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show where a run stands, step by step.",
    discussion: "With --watch until its end, and with its exit code: 0 done, 1 failed, 3 nobody can tell.")
  @OptionGroup var place: RunbookOptions
  @Argument(help: ArgumentHelp("The run.", valueName: "run")) var name: String
  @Flag(name: .shortAndLong, help: "Show it again whenever it changes, until it is over.") var watch: Bool = false
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  func run() async throws {
    try await CommandFailure.told {
      let client: KubeClient = try await place.client()
      var shown: JSONValue?
      while true {
        let object: KubeObject
        do {
          object = try await RunStore(client: client).get(name)
        } catch let error as KubeError where watch && error.isTransient {
          // A center may just be dying; the run goes on.
          try await Task.sleep(for: .seconds(1))
          continue
        }
        if RunText.steps(object.status) != shown {
          if shown != nil, output == .table || output == .wide { printLine("") }
          shown = RunText.steps(object.status)
          printLine(
            ObjectOutput.text([object], output, isList: false) { wide in RunText.table(object, wide: wide, now: SystemClock().wall()) })
          if output == .table || output == .wide { printLine(RunText.summary(object)) }
        }
        guard watch else { return }
        if let verdict = object.status["verdict"].string.flatMap(RunRecord.Verdict.init) {
          let outcome: Outcome = RunExecution.outcome(verdict)
          if outcome != .done { throw outcome.code }
          return
        }
        try await Task.sleep(for: .seconds(1))
      }
    }
  }
}

struct RunbookList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Show all runs, the newest first.")
  @OptionGroup var place: RunbookOptions
  @Flag(name: .shortAndLong, help: "Show them again whenever something changes, until interrupted.") var watch: Bool = false
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  func run() async throws {
    try await CommandFailure.told {
      let client: KubeClient = try await place.client()
      var shown: [JSONValue]?
      repeat {
        let runs: [KubeObject] = try await RunStore(client: client).list().sorted { one, other in
          (one.metadata["creationTimestamp"].string ?? "", one.name) > (other.metadata["creationTimestamp"].string ?? "", other.name)
        }
        let now: [JSONValue] = runs.map { RunText.steps($0.status) }
        if now != shown {
          shown = now
          printLine(ObjectOutput.text(runs, output) { wide in RunText.table(runs, wide: wide, now: SystemClock().wall()) })
        }
        if watch { try await Task.sleep(for: .seconds(1)) }
      } while watch
    }
  }
}

struct RunbookAbort: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "abort", abstract: "Stop a run: what its steps did is undone.",
    discussion: "Its runner does it. When that is dead, `tricenter runbook resume RUN` does.")
  @OptionGroup var place: RunbookOptions
  @Argument(help: ArgumentHelp("The run.", valueName: "run")) var name: String
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  func run() async throws {
    try await CommandFailure.told {
      let store = RunStore(client: try await place.client())
      let before: KubeObject = try await store.get(name)
      guard before.status["finishedAt"].string == nil else {
        throw CommandFailure(.refused, "Run \(name) is over: \(before.status["phase"].string ?? "").")
      }
      let object: KubeObject = try await store.abort(name)
      printLine(
        ObjectOutput.text([object], output, isList: false) { wide in RunText.table([object], wide: wide, now: SystemClock().wall()) })
    }
  }
}

struct RunbookApprove: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Approve a step that waits for people, or refuse it.",
    discussion: "The API server writes down who decided: the name and the groups of the certificate. One person counts once.")
  @OptionGroup var place: RunbookOptions
  @Argument(help: ArgumentHelp("The run.", valueName: "run")) var name: String
  @Argument(help: "The step.") var step: String
  @Flag(help: "Refuse it: the step fails.") var reject: Bool = false
  @Option(help: "Why, for the record.") var comment: String = ""
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  func run() async throws {
    try await CommandFailure.told {
      let store = RunStore(client: try await place.client())
      let object: KubeObject = try await store.get(name)
      let steps: [JSONValue] = object.status["steps"].array
      guard let found: JSONValue = steps.first(where: { $0["name"].string == step }) else {
        throw CommandFailure(
          .refused, "Run \(name) has no step \(step); it has \(steps.compactMap { $0["name"].string }.joined(separator: ", ")).")
      }
      guard found["phase"].string == "Waiting" else {
        throw CommandFailure(
          .refused, "Step \(step) of run \(name) does not wait for a decision: it is \(found["phase"].string ?? "unknown").")
      }
      let decision: KubeObject = try await store.decide(name, step: step, approves: !reject, comment: comment)
      printLine(
        ObjectOutput.text([decision], output, isList: false) { _ in
          var table = TextTable(["NAME", "RUN", "STEP", "DECISION", "USER", "GROUPS"])
          table.rows = [
            [
              decision.name, name, step, decision.spec["decision"].string ?? "", decision.spec["user"].string ?? "",
              decision.spec["groups"].array.compactMap(\.string).joined(separator: ","),
            ]
          ]
          return table
        })
    }
  }
}
