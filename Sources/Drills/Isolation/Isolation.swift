import Primitives
import Site

/// What an action reaches in mode `isolated`. What does not stand here is refused there: an action that somebody adds reaches nothing by
/// mistake.
enum Isolation: Sendable {
  /// It acts in the copy, as it would in the federation.
  case copy
  /// It makes, proves or ends the copy, or looks after production meanwhile: there only in mode `isolated`.
  case ground
  /// It asks people, who are outside anyway.
  case people
  case refused

  private static let inCopy: Set<String> = [
    "cluster.requireActive", "cluster.moveTo", "namespace.moveTo", "verify.namespace", "workload.apply", "workload.remove",
    "workload.waitAvailable", "workload.remember",
    "object.wait", "probe.requests", "probe.writes", "probe.steady", "probe.waitWrite", "probe.waitServed", "probe.stop", "verify.writes",
    "verify.identity", "verify.noneReady", "store.check", "dns.check",
  ]

  static func of(_ action: String) -> Isolation {
    if inCopy.contains(action) { return .copy }
    if ActionCatalog.groundActions[action] != nil { return .ground }
    return action == "people.confirm" ? .people : .refused
  }
}

extension RunPlan {
  /// A step of it makes a copy to run in.
  var hasCopy: Bool { mode == .isolated && steps.contains { $0.call.action == "copy.make" } }

  /// Why it cannot be run in its mode; empty if it can.
  var isolationReasons: [String] {
    guard mode == .isolated else {
      guard mode == .live else { return [] }
      return steps.filter { Isolation.of($0.call.action) == .ground }.map { step in
        "step \(step.id): \(step.call.action) is for a fenced copy: run it with --mode isolated"
      }
    }
    guard let make: Int = steps.firstIndex(where: { $0.call.action == "copy.make" }) else {
      // Without a copy only what looks may be run, at the federation itself.
      return steps.filter { $0.effect != .none && Isolation.of($0.call.action) != .people }.map { step in
        "step \(step.id): \(step.call.action) would reach the real federation, and no step makes a copy for it (copy.make)"
      }
    }
    var reasons: [String] = []
    for (index, step) in steps.enumerated() {
      let calls: [Runbook.Call] = [step.call] + step.preconditions + step.postconditions + (step.compensation.map { [$0] } ?? [])
      for call in calls {
        switch Isolation.of(call.action) {
        case .ground, .people: break
        case .refused: reasons.append("step \(step.id): \(call.action) would reach the real federation, and it cannot be run in isolation")
        case .copy where !follows(index, make):
          reasons.append("step \(step.id): \(call.action) acts in the copy, and does not wait for step \(steps[make].id), which makes it")
        case .copy: break
        }
      }
    }
    return reasons
  }

  /// What a step names by production's zone is named by the copy's there.
  func inputsInCopy(_ call: Runbook.Call, site: Site) -> [String: String] {
    guard call.action == "dns.check", let name: String = call.inputs["name"], name.hasSuffix(".\(site.zone)") else { return call.inputs }
    var inputs: [String: String] = call.inputs
    inputs["name"] = name.dropLast(site.zone.count) + ClusterCopy.zone(of: site)
    return inputs
  }

  private func follows(_ index: Int, _ other: Int) -> Bool {
    var seen: Set<Int> = []
    var open: [Int] = [index]
    while let next: Int = open.popLast() {
      for before in steps[next].dependsOn where seen.insert(before).inserted {
        if before == other { return true }
        open.append(before)
      }
    }
    return false
  }
}
