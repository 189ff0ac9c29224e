import Primitives
import Site

/// What only shows when the whole runbook is there: steps that wait for each other, names that lead nowhere, parameters that nobody uses.
struct WholeChecks {
  let runbook: Runbook
  let root: Fields
  let actions: ActionCatalog
  let problems: ProblemCollector

  func run() {
    let ids: Set<String> = Set(runbook.steps.map(\.id))
    let variants: Set<String> = Set(runbook.variants.map(\.name))
    for step in runbook.steps {
      let place = Place(line: step.line, column: step.call.place.column)
      for name in step.dependsOn ?? [] {
        if name == step.id {
          problems.add(place, "step \(step.id) waits for itself")
        } else if !ids.contains(name) {
          problems.add(place, "step \(step.id) waits for \(name), and there is no such step")
        }
      }
      for name in step.variants where !variants.contains(name) {
        problems.add(place, "step \(step.id) is for the variant \(name), and the runbook has no such variant")
      }
      if step.always, step.approval != nil {
        problems.add(place, "step \(step.id) gives back what was taken (always) and may not wait for an approval")
      }
    }
    circles()
    checkEnds()
    for parameter in runbook.parameters where !isUsed(parameter.name) {
      problems.add(parameter.place, "parameters.\(parameter.name) is used by no step")
    }
    for (name, command) in runbook.commands where !calls.contains(where: { $0.inputs["command"] == name }) {
      problems.add(command.place, "commands.\(name) is run by no step")
    }
    for variant in runbook.variants where !runbook.steps.contains(where: { $0.variants.isEmpty || $0.variants.contains(variant.name) }) {
      problems.add(variant.place, "the variant \(variant.name) has no step")
    }
  }

  private var calls: [Runbook.Call] {
    runbook.steps.flatMap { [$0.call] + $0.preconditions + $0.postconditions + ($0.compensation.map { [$0] } ?? []) }
  }

  private func isUsed(_ name: String) -> Bool {
    let texts: [String] =
      calls.flatMap { Array($0.inputs.values) } + runbook.steps.map(\.title) + runbook.steps.compactMap(\.idempotencyKey)
      + runbook.commands.values.flatMap { $0.run + ($0.probe ?? []) }
    return texts.contains { Substitution.names(in: $0).contains(name) }
  }

  private func circles() {
    var open: [String: Set<String>] = [:]
    for (index, step) in runbook.steps.enumerated() {
      let waits: [String] = step.dependsOn ?? (index == 0 ? [] : [runbook.steps[index - 1].id])
      let ended: [String] = step.call.endsStep(of: step.id, actions).map { $0 == step.id ? [] : [$0] } ?? []
      open[step.id] = Set(waits + ended).intersection(runbook.steps.map(\.id))
    }
    while let name: String = open.first(where: { $0.value.isEmpty })?.key {
      open[name] = nil
      for other in open.keys { open[other]?.remove(name) }
    }
    let names: [String] = runbook.steps.map(\.id).filter { open[$0] != nil }
    if !names.isEmpty { problems.add(root.place(of: "steps"), "these steps wait for each other: \(names.joined(separator: ", "))") }
  }
}
