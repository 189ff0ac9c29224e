import Primitives
import Site
import TestSupport
import Testing

@testable import Drills

/// Runs of runbooks as conversations: what happened, and what the instance says to do. The plan is the runbook beside the transcript.
@Suite struct RunTranscriptTests {
  static let actions = ActionCatalog([
    "look": .init([.init("at", .text, isRequired: false)]) { _, _ in "" },
    "change": .init(effect: .changes) { _, _ in "" },
    "measure": .init(effect: .session) { _, _ in "" },
    "hold": ActionDescription(effect: .changes) { _, _ in "" }.sustained { _, _ in "" }.renewed(every: { _ in .seconds(5) }) { _, _ in "" },
    "release": ActionDescription([.init("step", .text, isRequired: false)], effect: .changes) { _, _ in "" }.endingStep(in: "step"),
    "measured": .init(ends: ["measure"]) { _, _ in "" },
  ])

  @Test(arguments: try Transcript.files(in: testdata(#filePath, "runs"), suffix: ".txt"))
  func transcript(_ name: String) throws {
    var talk = try Conversation(name.replacing(".txt", with: ""))
    let differences = try Transcript.check(testdata(#filePath, "runs/\(name)")) { try talk.answer($0) }
    for difference in differences { Issue.record("\(difference)") }
  }

  struct Conversation {
    let plan: RunPlan
    var instance: RunInstance
    var now = MonotonicTime(nanoseconds: 0)
    var holder: Int = 1
    var asked: Int = 0
    var written: RunRecord

    init(_ name: String) throws {
      let text: String = try Transcript.readText(testdata(#filePath, "runs/\(name).yaml"))
      let site: Site = try RunbookTests.site()
      let runbook: Runbook = try RunbookReader.parse(
        text, file: "\(name).yaml", files: .carried([:]), site: site, actions: RunTranscriptTests.actions)
      plan = try RunPlan(runbook, run: "run", site: site, actions: RunTranscriptTests.actions)
      instance = RunInstance(plan, holder: "runner-1", lease: .seconds(10))
      written = instance.record
    }

    /// What a step is at; renewing what it did is at its side.
    private func work(_ index: Int) -> RunInstance.Work? {
      if case .working(let work, _) = instance.live[index].activity { return work }
      if case .working = instance.live[index].renewal { return .renew }
      return nil
    }

    mutating func answer(_ line: String) throws -> String {
      let words: [String] = line.split(separator: " ").map(String.init)
      func step(_ name: String) throws -> Int { try #require(plan.steps.firstIndex { $0.id == name }, "\(line): no step \(name)") }
      switch words[0] {
      case "begin": return tell(.begin)
      case "stored":
        written = instance.record
        return tell(.stored(version: asked, began: now))
      case "stored-late":
        written = instance.record
        return tell(.stored(version: asked, began: now - .seconds(11)))
      case "ended":
        let index: Int = try step(words[1])
        guard let work: RunInstance.Work = work(index) else { return "\(words[1]) does not work" }
        let rest: String = words.dropFirst(3).joined(separator: " ")
        let result: RunInstance.Result =
          switch words[2] {
          case "passed": .passed(rest)
          case "undone-by-itself": .failed(rest, happened: false)
          case "unknown": .failed(rest, happened: nil)
          default: .failed(rest, happened: true)
          }
        return tell(
          .ended(step: index, work: work, attempt: instance.record.steps[index].attempts, result: result, facts: [:], evidence: [:]))
      case "after":
        now = now + (Duration(siteText: words[1]) ?? .zero)
        return tell(.tick)
      case "approve", "reject":
        return tell(
          .decided(.init(step: words[1], user: words[2], role: words[3], approves: words[0] == "approve", comment: "so")))
      case "abort": return tell(.abort)
      case "lost": return tell(.lost(to: words[1]))
      // Another runner finds what was stored last.
      case "takeover":
        holder += 1
        instance = RunInstance(
          plan, record: RunRecord(plan, status: written.status), holder: "runner-\(holder)", lease: .seconds(10))
        asked = 0
        return tell(.begin)
      case "show":
        let record: RunRecord = instance.record
        let steps: String = record.steps.map { step in
          "  \(step.name) \(step.phase.rawValue)\(step.hasFailed ? " (failed)" : "")\(step.message.isEmpty ? "" : ": \(step.message)")"
        }.joined(separator: "\n")
        return "\(record.phase.rawValue) \(record.verdict?.rawValue ?? "") epoch \(record.runner.epoch) \(record.message)\n\(steps)"
      default: throw DrillError(.badRunbook, "no command \(words[0])")
      }
    }

    private mutating func tell(_ event: RunInstance.Event) -> String {
      let wall = WallTime(secondsSince1970: now.nanoseconds / 1_000_000_000)
      let directives: [RunInstance.Directive] = instance.on(event, at: now, wall: wall)
      return directives.compactMap { directive -> String? in
        switch directive {
        case .store(let version):
          asked = version
          return "store"
        case .start(let step, let work, let attempt): return "\(Self.word(work)) \(plan.steps[step].id) #\(attempt)"
        case .interrupt(let step): return "interrupt \(plan.steps[step].id)"
        case .wake(let at): return words(at)
        case .finish: return "finish: \(instance.record.phase.rawValue), \(instance.record.verdict?.rawValue ?? "")"
        case .giveUp(let other): return "give up to \(other)"
        }
      }.joined(separator: "\n")
    }

    /// Renewals come all the time, and are told of where the lease is the topic.
    private func words(_ at: MonotonicTime) -> String? {
      at - now > .milliseconds(2_500) ? "wake after \((at - now).runbookText)" : nil
    }

    private static func word(_ work: RunInstance.Work) -> String {
      switch work {
      case .check: "check"
      case .perform(let asks): asks ? "ask and perform" : "perform"
      case .ask: "ask"
      case .restore: "restore"
      case .renew: "renew"
      case .compensate(let asks): asks ? "ask and undo" : "undo"
      }
    }
  }
}
