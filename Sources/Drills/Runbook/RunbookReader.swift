import Glibc
import Primitives
import Site
import Yams

/// Reads a runbook and checks it against the actions that exist. Throws `SiteProblems` with line and reason for everything wrong.
public enum RunbookReader {
  public static func read(path: String, site: Site) throws -> Runbook {
    guard let file = fopen(path, "r") else {
      throw SiteProblems(problems: [
        SiteProblem(file: path, line: 0, column: 0, reason: "cannot be read: \(String(cString: strerror(errno)))")
      ])
    }
    defer { fclose(file) }
    var bytes = Bytes(repeating: 0, count: 1 << 20)
    let count: Int = fread(&bytes, 1, bytes.count, file)
    let folder: String = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    return try parse(Bytes(bytes[..<count]).text, file: path, folder: folder, site: site)
  }

  public static func parse(_ text: String, file: String, folder: String, site: Site) throws -> Runbook {
    let problems = ProblemCollector(file: file)
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      throw SiteProblems(problems: [SiteProblem(file: file, line: 0, column: 0, reason: "is not YAML: \(error)")])
    }
    guard let node, var root = Fields(node, path: "", problems) else {
      problems.add(Place(line: 1, column: 1), "the file holds no runbook")
      throw SiteProblems(problems: problems.sorted)
    }
    let id: String? = root.string("id")
    let title: String? = root.string("title")
    let purpose: String = root.string("purpose", required: false) ?? ""
    let cluster: String? = root.value("cluster", expected: "one of \(site.clusters.map(\.name).joined(separator: ", "))") { name in
      site.clusters.contains { $0.name == name } ? name : nil
    }
    var objectives = Runbook.Objectives()
    if var fields: Fields = root.fields("objectives", required: false) {
      let time = "a time such as 3s"
      objectives.firstWrite = fields.value("firstWrite", required: false, expected: time, Duration.init(siteText:))
      objectives.rto = fields.value("rto", required: false, expected: time, Duration.init(siteText:))
      objectives.lostWrites = fields.value("lostWrites", required: false, expected: "a number") { Int($0) }
      fields.finish()
    }
    var steps: [Runbook.Step] = []
    for (path, node) in root.list("steps").prefix(DrillLimits.runbookSteps) {
      guard let step: Runbook.Step = readStep(node, path, site, folder, problems) else { continue }
      if steps.contains(where: { $0.id == step.id }) { problems.add(Place(node), "step \(step.id) stands here twice") }
      steps.append(step)
    }
    root.finish()
    guard let id, let title, let cluster, problems.problems.isEmpty else { throw SiteProblems(problems: problems.sorted) }
    return Runbook(id: id, title: title, purpose: purpose, cluster: cluster, objectives: objectives, steps: steps, folder: folder)
  }

  private static func readStep(
    _ node: Node, _ path: String, _ site: Site, _ folder: String, _ problems: ProblemCollector
  ) -> Runbook.Step? {
    guard var fields = Fields(node, path: path, problems) else { return nil }
    let id: String? = fields.string("id")
    let title: String? = fields.string("title")
    let names: [String] = ActionCatalog.actions.keys.sorted()
    let action: String? = fields.value("action", expected: "one of \(names.joined(separator: ", "))") {
      ActionCatalog.actions[$0] == nil ? nil : $0
    }
    let timeout: Duration? = fields.value("timeout", expected: "a time such as 30s", Duration.init(siteText:))
    let always: Bool = fields.value("always", required: false, expected: "true or false") { ["true": true, "false": false][$0] } ?? false
    var inputs: [String: String] = [:]
    var given: Fields? = fields.fields("inputs", required: false)
    for input in action.flatMap({ ActionCatalog.actions[$0]?.inputs }) ?? [] {
      let text: String? = given?.string(input.name, required: input.isRequired)
      if given == nil, input.isRequired { problems.add(fields.place, "\(path).inputs.\(input.name) is missing") }
      guard let text, let given else { continue }
      if let reason: String = input.kind.objection(to: text, site: site, folder: folder) {
        problems.add(given.place(of: input.name), "\(given.name(input.name)): \(reason)")
      }
      inputs[input.name] = text
    }
    given?.finish()
    fields.finish()
    guard let id, let title, let action, let timeout else { return nil }
    return Runbook.Step(id: id, title: title, action: action, inputs: inputs, timeout: timeout, always: always, line: fields.place.line)
  }
}
