import Primitives
import Site
import Yams

extension RunbookParts {
  func readStep(_ node: Node, _ path: String) -> Runbook.Step? {
    guard var fields = Fields(node, path: path, problems) else { return nil }
    let id: String? = fields.value("id", expected: nameRule, nameIfValid)
    let title: String? = fields.string("title")
    if let title { checkNames(in: title, fields.place(of: "title"), fields.name("title")) }
    let always: Bool = fields.value("always", required: false, expected: "true or false") { ["true": true, "false": false][$0] } ?? false
    let call: Runbook.Call? = readCall(&fields, timeout: nil)
    let isThere: Bool = fields.names.contains("dependsOn")
    let dependsOn: [String] = fields.strings("dependsOn", required: false).map(\.text)
    let preconditions: [Runbook.Call] = readConditions(&fields, "preconditions")
    let postconditions: [Runbook.Call] = readConditions(&fields, "postconditions")
    let expected: Duration? = fields.value(
      "expected", required: false, expected: "the 75th percentile of its time, such as 4s", Duration.init(runbookText:))
    let retry: Runbook.Retry = readRetry(fields.fields("retry", required: false))
    let key: String? = fields.string("idempotencyKey", required: false)
    if let key { checkNames(in: key, fields.place(of: "idempotencyKey"), fields.name("idempotencyKey")) }
    var compensation: Runbook.Call?
    if var given: Fields = fields.fields("compensation", required: false) {
      compensation = readCall(&given, timeout: call?.timeout)
      given.finish()
    }
    let approval: Runbook.Approval? = readApproval(fields.fields("approval", required: false))
    let evidence: [EvidenceSource] = readEvidence(&fields)
    let variants: [String] = fields.strings("variants", required: false).map(\.text)
    fields.finish()
    guard let id, let title, let call else { return nil }
    let effect: ActionDescription.Effect = actions[call.action]?.effect ?? .none
    if let compensation, effect == .none {
      problems.add(compensation.place, "\(path).compensation: \(call.action) changes nothing, so there is nothing to undo")
    }
    if key != nil, effect != .changes {
      problems.add(fields.place(of: "idempotencyKey"), "\(path).idempotencyKey: \(call.action) changes nothing that could happen twice")
    }
    if let expected, expected > call.timeout {
      problems.add(fields.place(of: "expected"), "\(path).expected: longer than the step's timeout of \(call.timeout.runbookText)")
    }
    return Runbook.Step(
      id: id, title: title, call: call, dependsOn: isThere ? dependsOn : nil, preconditions: preconditions, postconditions: postconditions,
      expected: expected, retry: retry, idempotencyKey: key, compensation: compensation, approval: approval, evidence: evidence,
      always: always, variants: variants, line: fields.place.line)
  }

  /// `action`, `inputs` and `timeout` of a step, of a condition, of what undoes a step. `timeout`: what stands for one that is not given.
  func readCall(_ fields: inout Fields, timeout standard: Duration?) -> Runbook.Call? {
    let action: String? = fields.value("action", expected: "one of \(actions.names.joined(separator: ", "))") {
      actions[$0] == nil ? nil : $0
    }
    let timeout: Duration? =
      fields.value("timeout", required: standard == nil, expected: "a time such as 30s", Duration.init(runbookText:)) ?? standard
    var inputs: [String: String] = [:]
    var places: [String: Place] = [:]
    var given: Fields? = fields.fields("inputs", required: false)
    for input in action.flatMap({ actions[$0]?.inputs }) ?? [] {
      let text: String? = given?.string(input.name, required: input.isRequired)
      if given == nil, input.isRequired { problems.add(fields.place, "\(fields.name("inputs")).\(input.name) is missing") }
      guard let text, let given else { continue }
      checkInput(text, input, given)
      inputs[input.name] = text
      places[input.name] = given.place(of: input.name)
    }
    given?.finish()
    if let action { checkTogether(action, inputs) { name in places[name] ?? given?.place ?? fields.place } }
    guard let action, let timeout else { return nil }
    return Runbook.Call(action: action, inputs: inputs, timeout: timeout, place: fields.place, places: places)
  }

  /// Only where every value is known and well formed by itself.
  private func checkTogether(_ action: String, _ inputs: [String: String], _ place: (String) -> Place) {
    guard let description: ActionDescription = actions[action] else { return }
    let surroundings = InputSurroundings(site: site, files: files, commands: commands)
    var filled: [String: String] = [:]
    for (name, text) in inputs {
      let value: String = Substitution.replace(text) { parameter in
        parameter == "run" || parameter == "step" ? parameter : parameters.first { $0.name == parameter }?.standard
      }
      guard Substitution.names(in: value).isEmpty, let input = description.inputs.first(where: { $0.name == name }),
        input.kind.objection(to: value, surroundings) == nil
      else { return }
      filled[name] = value
    }
    guard description.inputs.allSatisfy({ !$0.isRequired || filled[$0.name] != nil }) else { return }
    for found in description.together(filled, site) { problems.add(place(found.input), "\(found.input): \(found.reason)") }
  }

  private func checkInput(_ text: String, _ input: ActionDescription.Input, _ given: Fields) {
    let (place, name): (Place, String) = (given.place(of: input.name), given.name(input.name))
    checkNames(in: text, place, name)
    var isKnown: Bool = true
    let filled: String = Substitution.replace(text) { parameter in
      if parameter == "run" || parameter == "step" { return parameter }
      guard let found: Parameter = parameters.first(where: { $0.name == parameter }) else { return nil }
      if let kind: Parameter.Kind = input.kind.parameterKind, "${\(parameter)}" == text, found.kind != kind {
        problems.add(place, "\(name) takes a \(kind), and parameter \(parameter) is a \(found.kind)")
        isKnown = false
      }
      if found.standard == nil { isKnown = false }
      return found.standard ?? "x"
    }
    guard isKnown, !Substitution.names(in: filled).contains(where: { _ in true }) else { return }
    let surroundings = InputSurroundings(site: site, files: files, commands: commands)
    if let reason: String = input.kind.objection(to: filled, surroundings) { problems.add(place, "\(name): \(reason)") }
  }

  private func readConditions(_ fields: inout Fields, _ name: String) -> [Runbook.Call] {
    fields.list(name, required: false).compactMap { path, node in
      guard var given = Fields(node, path: path, problems), let call = readCall(&given, timeout: DrillLimits.conditionTimeout) else {
        return nil
      }
      given.finish()
      if let effect: ActionDescription.Effect = actions[call.action]?.effect, effect != .none {
        problems.add(given.place, "\(path): \(call.action) changes something, and a condition only looks")
      }
      return call
    }
  }

  private func readRetry(_ given: Fields?) -> Runbook.Retry {
    var retry = Runbook.Retry()
    guard var fields: Fields = given else { return retry }
    retry.attempts =
      fields.value("attempts", expected: "1 to \(DrillLimits.attempts)") { text in
        Int(text).flatMap { (1...DrillLimits.attempts).contains($0) ? $0 : nil }
      } ?? 1
    retry.pause = fields.value("pause", required: false, expected: "a time such as 5s", Duration.init(runbookText:)) ?? .seconds(1)
    fields.finish()
    return retry
  }

  private func readApproval(_ given: Fields?) -> Runbook.Approval? {
    guard var fields: Fields = given else { return nil }
    let roles: [String] = fields.strings("roles").map(\.text)
    if roles.isEmpty { problems.add(fields.place, "\(fields.path).roles must name a group of the API's users") }
    let needed: Int? = fields.value("needed", required: false, expected: "1 to \(DrillLimits.approvals)") { text in
      Int(text).flatMap { (1...DrillLimits.approvals).contains($0) ? $0 : nil }
    }
    let timeout: Duration? = fields.value("timeout", expected: "a time such as 10m", Duration.init(runbookText:))
    fields.finish()
    return timeout.map { Runbook.Approval(roles: roles, needed: needed ?? 1, timeout: $0) }
  }

  private func readEvidence(_ fields: inout Fields) -> [EvidenceSource] {
    fields.strings("evidence", required: false).compactMap { text, place in
      switch text {
      case "activation": return .activation
      case "store": return .store
      default:
        switch ObjectReference.parse(text) {
        case .success(let reference): return .object(reference)
        case .failure(let error):
          problems.add(place, "\(fields.name("evidence")): activation, store or an object; \(error.message)")
          return nil
        }
      }
    }
  }
}
