import Primitives
import Site

/// What lasts must be ended by the runbook that began it, also where a step in between fails: that it ends by itself when nobody renews it
/// is for runners that die.
extension WholeChecks {
  func checkEnds() {
    let byID: [String: Runbook.Step] = Dictionary(runbook.steps.map { ($0.id, $0) }, uniquingKeysWith: { one, _ in one })
    var ended: Set<String> = []
    for step in runbook.steps {
      for (call, isAlways) in [(step.call, step.always)] + (step.compensation.map { [($0, true)] } ?? []) {
        guard let name: String = call.endsStep(of: step.id, actions) else { continue }
        let place: Place = call.places["step"] ?? call.place
        if !Substitution.names(in: name).isEmpty {
          problems.add(place, "\(call.action) of step \(step.id) must name the step as it is, not by a parameter")
        } else if let begun: Runbook.Step = byID[name] {
          if actions[begun.action]?.renewal == nil {
            problems.add(place, "\(call.action) ends what step \(name) does, and \(begun.action) does nothing that lasts")
          }
          if isAlways { ended.insert(name) }
        } else {
          problems.add(place, "\(call.action) ends what step \(name) does, and there is no such step")
        }
      }
    }
    for step in runbook.steps where actions[step.action]?.renewal != nil && !ended.contains(step.id) {
      problems.add(
        step.call.place,
        "step \(step.id) does what lasts (\(step.action)), and nothing ends it when a later step fails: compensation: { action: fault.end }"
      )
    }
  }
}
