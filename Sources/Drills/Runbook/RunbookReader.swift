import Glibc
import Primitives
import Site
import Yams

/// Reads a runbook and checks it against the actions that exist and the site. Throws `SiteProblems` with line and reason for everything
/// wrong.
public enum RunbookReader {
  public static func read(path: String, site: Site, actions: ActionCatalog = .standard) throws -> Runbook {
    guard let file = fopen(path, "r") else {
      throw SiteProblems(problems: [
        SiteProblem(file: path, line: 0, column: 0, reason: "cannot be read: \(String(cString: strerror(errno)))")
      ])
    }
    defer { fclose(file) }
    var bytes = Bytes(repeating: 0, count: DrillLimits.fileBytes + 1)
    let count: Int = fread(&bytes, 1, bytes.count, file)
    guard count <= DrillLimits.fileBytes else {
      throw SiteProblems(problems: [
        SiteProblem(file: path, line: 0, column: 0, reason: "is larger than \(DrillLimits.fileBytes) bytes")
      ])
    }
    let folder: String = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    return try parse(Bytes(bytes[..<count]).text, file: path, files: .folder(folder), site: site, actions: actions)
  }

  public static func parse(
    _ text: String, file: String, files: RunbookFiles, site: Site, actions: ActionCatalog = .standard
  ) throws -> Runbook {
    let problems = ProblemCollector(file: file)
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      throw SiteProblems(problems: [yamlProblem(error, file)])
    }
    guard let node, var root = Fields(node, path: "", problems) else {
      problems.add(Place(line: 1, column: 1), "the file holds no runbook")
      throw SiteProblems(problems: problems.sorted)
    }
    let runbook: Runbook? = RunbookParts(site: site, files: files, actions: actions, problems: problems).read(&root, source: text)
    guard let runbook, problems.problems.isEmpty else { throw SiteProblems(problems: problems.sorted) }
    return runbook
  }

  private static func yamlProblem(_ error: any Error, _ file: String) -> SiteProblem {
    let place: Mark? =
      switch error {
      case YamlError.scanner(_, _, let mark, _), YamlError.parser(_, _, let mark, _), YamlError.composer(_, _, let mark, _): mark
      default: nil
      }
    return SiteProblem(file: file, line: place?.line ?? 0, column: place?.column ?? 0, reason: "is not YAML: \(error)")
  }
}

/// What the parts of a runbook are read with.
struct RunbookParts {
  let site: Site
  let files: RunbookFiles
  let actions: ActionCatalog
  let problems: ProblemCollector
  var parameters: [Parameter] = []
  var commands: [String: Runbook.HostCommand] = [:]

  init(site: Site, files: RunbookFiles, actions: ActionCatalog, problems: ProblemCollector) {
    self.site = site
    self.files = files
    self.actions = actions
    self.problems = problems
  }

  /// Nil when so much is missing that there is nothing to check as a whole.
  func read(_ root: inout Fields, source: String) -> Runbook? {
    var parts: RunbookParts = self
    let id: String? = root.value("id", expected: nameRule, nameIfValid)
    let title: String? = root.string("title")
    let purpose: String = root.string("purpose", required: false) ?? ""
    let cluster: String? = root.value("cluster", expected: "one of \(site.clusters.map(\.name).joined(separator: ", "))") { name in
      site.clusters.contains { $0.name == name } ? name : nil
    }
    let modes: String = RunPlan.Mode.allCases.map(\.rawValue).joined(separator: ", ")
    let mode: RunPlan.Mode? = root.value("mode", required: false, expected: "one of \(modes)", RunPlan.Mode.init(rawValue:))
    let objectives: Runbook.Objectives = readObjectives(root.fields("objectives", required: false))
    parts.parameters = readParameters(root.raw("parameters", required: false))
    parts.commands = parts.readCommands(root.fields("commands", required: false))
    let variants: [Runbook.Variant] = parts.readVariants(root.fields("variants", required: false))
    var steps: [Runbook.Step] = []
    let listed: [(path: String, node: Node)] = root.list("steps")
    if listed.count > DrillLimits.runbookSteps {
      problems.add(root.place(of: "steps"), "a runbook may have \(DrillLimits.runbookSteps) steps, not \(listed.count)")
    }
    for (path, node) in listed.prefix(DrillLimits.runbookSteps) {
      guard let step: Runbook.Step = parts.readStep(node, path) else { continue }
      if steps.contains(where: { $0.id == step.id }) { problems.add(Place(node), "step \(step.id) stands here twice") }
      steps.append(step)
    }
    root.finish()
    guard let id, let title, let cluster else { return nil }
    let runbook = Runbook(
      id: id, title: title, purpose: purpose, cluster: cluster, mode: mode, objectives: objectives, parameters: parts.parameters,
      variants: variants, commands: parts.commands, steps: steps, source: source, files: files)
    WholeChecks(runbook: runbook, root: root, actions: actions, problems: problems).run()
    return runbook
  }

  private func readObjectives(_ given: Fields?) -> Runbook.Objectives {
    var objectives = Runbook.Objectives()
    guard var fields: Fields = given else { return objectives }
    let time = "a time such as 3s"
    objectives.firstWrite = fields.value("firstWrite", required: false, expected: time, Duration.init(runbookText:))
    objectives.rto = fields.value("rto", required: false, expected: time, Duration.init(runbookText:))
    objectives.lostWrites = fields.value("lostWrites", required: false, expected: "a number") { Int($0) }
    objectives.failedRequests = fields.value("failedRequests", required: false, expected: "a number") { Int($0) }
    objectives.endpointsGone = fields.value("endpointsGone", required: false, expected: time, Duration.init(runbookText:))
    objectives.writePause = fields.value("writePause", required: false, expected: time, Duration.init(runbookText:))
    if var level: Fields = fields.fields("level", required: false) {
      let profile: String? = level.value("profile", expected: nameRule, nameIfValid)
      let number: Int? = level.value("number", expected: "a level's number") { Int($0) }
      level.finish()
      if let profile, let number {
        objectives.level = Runbook.Level(profile: profile, number: number)
        check(objectives, ServiceProfile.read(profile, files), level.place)
      }
    }
    fields.finish()
    return objectives
  }

  /// A level is attained only with what it demands, so its runbook may not be content with less.
  private func check(_ objectives: Runbook.Objectives, _ read: Result<ServiceProfile, DrillError>, _ place: Place) {
    guard let wanted: Runbook.Level = objectives.level else { return }
    switch read {
    case .failure(let error): problems.add(place, error.message)
    case .success(let profile):
      guard let level: ServiceProfile.Level = profile.levels.first(where: { $0.number == wanted.number }) else {
        problems.add(place, "\(profile.title) has the levels \(profile.levels.map { String($0.number) }.joined(separator: ", "))")
        return
      }
      for reason in level.objections(to: objectives) { problems.add(place, "level \(level.number) of \(profile.title): \(reason)") }
    }
  }

  private func readParameters(_ node: Node?) -> [Parameter] {
    guard let node else { return [] }
    guard case .mapping(let mapping) = node else {
      problems.add(Place(node), "parameters must be a mapping of names")
      return []
    }
    return mapping.compactMap { key, value in
      let name: String = key.string ?? ""
      guard nameIfValid(name.lowercased()) != nil, name != "run", name != "step" else {
        problems.add(Place(key), "\"\(name)\" cannot be a parameter's name: letters, digits and inner hyphens; run and step are taken")
        return nil
      }
      guard var fields = Fields(value, path: "parameters.\(name)", problems) else { return nil }
      let kinds: String = Parameter.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      let kind: Parameter.Kind? = fields.value("type", expected: "one of \(kinds)", Parameter.Kind.init(rawValue:))
      let about: String = fields.string("about", required: false) ?? ""
      let standard: String? = fields.string("default", required: false)
      let required: Bool =
        fields.value("required", required: false, expected: "true or false") { ["true": true, "false": false][$0] } ?? (standard == nil)
      if required, standard != nil { problems.add(fields.place, "parameters.\(name): what is required has no default") }
      if !required, standard == nil { problems.add(fields.place, "parameters.\(name): what is not required needs a default") }
      if let standard, let reason: String = kind?.objection(to: standard, site: site) {
        problems.add(fields.place(of: "default"), "parameters.\(name).default: \(reason)")
      }
      fields.finish()
      return kind.map { Parameter(name: name, kind: $0, about: about, standard: standard, place: Place(key)) }
    }
  }

  private func readCommands(_ given: Fields?) -> [String: Runbook.HostCommand] {
    guard var fields: Fields = given else { return [:] }
    var commands: [String: Runbook.HostCommand] = [:]
    for name in fields.names {
      guard var command: Fields = fields.fields(name) else { continue }
      let run: [String] = command.strings("run").map(\.text)
      let probe: [String] = command.strings("probe", required: false).map(\.text)
      if run.isEmpty { problems.add(command.place, "commands.\(name).run must name a program") }
      for word in run + probe { checkNames(in: word, command.place, command.path) }
      command.finish()
      commands[name] = Runbook.HostCommand(run: run, probe: probe.isEmpty ? nil : probe, place: command.place)
    }
    fields.finish()
    return commands
  }

  private func readVariants(_ given: Fields?) -> [Runbook.Variant] {
    guard var fields: Fields = given else { return [] }
    var variants: [Runbook.Variant] = []
    for name in fields.names {
      guard var variant: Fields = fields.fields(name) else { continue }
      if nameIfValid(name) == nil { problems.add(variant.place, "a variant's name must be \(nameRule)") }
      let title: String = variant.string("title", required: false) ?? name
      var values: [String: String] = [:]
      if var given: Fields = variant.fields("parameters", required: false) {
        for name in given.names {
          guard let text: String = given.string(name) else { continue }
          guard let parameter: Parameter = parameters.first(where: { $0.name == name }) else {
            problems.add(given.place(of: name), "\(given.name(name)): the runbook has no such parameter")
            continue
          }
          if let reason: String = parameter.kind.objection(to: text, site: site) {
            problems.add(given.place(of: name), "\(given.name(name)): \(reason)")
          }
          values[name] = text
        }
        given.finish()
      }
      variant.finish()
      variants.append(Runbook.Variant(name: name, title: title, parameters: values, place: variant.place))
    }
    fields.finish()
    return variants
  }

  /// Reports parameters that the runbook does not have.
  func checkNames(in text: String, _ place: Place, _ path: String) {
    for name in Substitution.names(in: text)
    where name != "run" && name != "step" && !parameters.contains(where: { $0.name == name }) {
      problems.add(place, "\(path): the runbook has no parameter \(name)")
    }
  }
}

let nameRule = "lower-case letters, digits and inner hyphens, at most 63 (RFC 1123 label)"

func nameIfValid(_ text: String) -> String? {
  let bytes: Bytes = Array(text.utf8)
  guard (1...63).contains(bytes.count), bytes.first != 45, bytes.last != 45 else { return nil }
  return bytes.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 45 } ? text : nil
}
