import KubeModel
import Primitives

extension ReadinessRule {
  static let capacity = ReadinessRule(
    name: "capacity", purpose: "the center's ready nodes can carry what runs, in sum and every pod on one of them"
  ) { facts, subject in
    Capacity.findings(center: subject.center, nodes: facts.nodes, pods: facts.carriedPods(in: subject.center))
  }

  /// Assertion: whatever is done, at least one center serves afterwards.
  static let serving = ReadinessRule(name: "serving", purpose: "at least one center can serve after the step") { facts, subject in
    guard subject.verb?.moves ?? true else { return [] }
    let able: [CenterName] = facts.order.filter { center in
      let isLost: Bool = subject.isAfterLoss && center == facts.active
      let isPaused: Bool = facts.centers.first { $0.name == center.value }?.spec["paused"].bool == true
      return !isLost && (center == facts.active || !isPaused) && !facts.readyNodes(of: center).isEmpty
    }
    guard able.isEmpty else { return [] }
    return [
      Finding(
        rule: "serving", center: nil, object: "Cluster/\(facts.cluster)", measured: "no center could serve after the step",
        limit: "at least one with a ready node", cure: "bring nodes of one center back: kubectl get nodes -L \(FederationNames.centerLabel)"
      )
    ]
  }

  static let paused = ReadinessRule(name: "paused", purpose: "nobody keeps the center from taking over") { facts, subject in
    guard facts.centers.first(where: { $0.name == subject.center.value })?.spec["paused"].bool == true else { return [] }
    return [
      Finding(
        rule: "paused", center: subject.center, object: "Center/\(subject.center)",
        measured: "\(subject.center) is kept from taking over (spec.paused of the Center)", limit: "spec.paused: false",
        cure: "kubectl patch center \(subject.center) --type merge -p '{\"spec\":{\"paused\":false}}'")
    ]
  }

  static let gates = ReadinessRule(name: "gate", purpose: "no gate is closed before the move") { facts, subject in
    let verb: String = subject.isAutomatic ? Verb.automatic : subject.verb?.rawValue ?? ""
    return facts.gates.sorted { $0.name < $1.name }.compactMap { gate in
      let spec: JSONValue = gate.spec
      let verbs: [String] = spec["verbs"].array.compactMap(\.string)
      let targets: [String] = spec["targets"].array.compactMap(\.string)
      guard spec["closed"].bool == true, spec["cluster"].string == facts.cluster,
        targets.isEmpty || targets.contains(subject.center.value), verb.isEmpty || verbs.isEmpty || verbs.contains(verb)
      else { return nil }
      let why: String = spec["reason"].string.map { ": \($0)" } ?? ""
      return Finding(
        rule: "gate", center: subject.center, object: "Gate/\(gate.name)",
        measured: "closed by \(spec["changedBy"].string ?? "somebody")\(why)", limit: "open",
        cure: "who may break the glass opens it: kubectl patch gate \(gate.name) --type merge -p '{\"spec\":{\"closed\":false}}'")
    }
  }
}
