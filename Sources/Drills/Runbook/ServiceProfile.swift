import Primitives
import Site
import Yams

/// Levels of service that a standard or a house rule names, each with what it demands at least: `profiles/NAME.yaml` beside the runbooks.
public struct ServiceProfile: Sendable {
  public struct Level: Sendable {
    public var number: Int
    public var title: String
    /// Longest time without service, and the longest time whose acknowledged writes may be lost.
    public var rto: Duration
    public var rpo: Duration

    func objections(to objectives: Runbook.Objectives) -> [String] {
      var reasons: [String] = []
      if let own: Duration = objectives.rto {
        if own > rto { reasons.append("it demands an rto of \(rto.runbookText), and the runbook is content with \(own.runbookText)") }
      } else {
        reasons.append("it demands an rto of \(rto.runbookText): objectives.rto is missing")
      }
      if rpo == .zero, objectives.lostWrites != 0 { reasons.append("it loses nothing: objectives.lostWrites must be 0") }
      return reasons
    }
  }

  public var name: String
  public var title: String
  public var levels: [Level]

  /// The highest level whose demands these figures meet; nil for none.
  public func attained(rto: Duration, rpo: Duration) -> Level? {
    levels.filter { rto <= $0.rto && rpo <= $0.rpo }.max { $0.number < $1.number }
  }

  static func file(_ name: String) -> String { "profiles/\(name).yaml" }

  public static func read(_ name: String, _ files: RunbookFiles) -> Result<ServiceProfile, DrillError> {
    let path: String = files.place(file(name))
    guard let text: String = files.text(file(name)) else {
      return .failure(DrillError(.badRunbook, "there is no profile \(name): \(path) cannot be read"))
    }
    let problems = ProblemCollector(file: path)
    guard let node: Node = try? Yams.compose(yaml: text), var root = Fields(node, path: "", problems) else {
      return .failure(DrillError(.badRunbook, "\(path) is no profile in YAML"))
    }
    let title: String = root.string("title") ?? name
    _ = root.string("about", required: false)
    var levels: [Level] = []
    for (path, node) in root.list("levels") {
      guard var fields = Fields(node, path: path, problems) else { continue }
      let number: Int? = fields.value("number", expected: "a number") { Int($0) }
      let title: String? = fields.string("title")
      let rto: Duration? = fields.value("rto", expected: "a time such as 12h", Duration.init(runbookText:))
      let rpo: Duration? = fields.value("rpo", expected: "a time such as 0s", Duration.init(runbookText:))
      fields.finish()
      if let number, let title, let rto, let rpo { levels.append(Level(number: number, title: title, rto: rto, rpo: rpo)) }
    }
    root.finish()
    guard problems.problems.isEmpty, !levels.isEmpty else {
      return .failure(DrillError(.badRunbook, problems.problems.first?.description ?? "\(path) has no levels"))
    }
    return .success(ServiceProfile(name: name, title: title, levels: levels))
  }
}
