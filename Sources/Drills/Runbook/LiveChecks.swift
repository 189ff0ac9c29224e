import KubeClient
import KubeModel
import Primitives
import Site

/// What only the cluster can say of a plan: whether the objects that its steps need are there, unless its own steps bring them.
public enum LiveChecks {
  /// A sentence with the step's line for everything that is missing. Throws when the cluster cannot be asked.
  public static func problems(
    _ plan: RunPlan, file: String, client: KubeClient, actions: ActionCatalog = .standard
  ) async throws -> [SiteProblem] {
    var problems: [SiteProblem] = []
    let made: Set<ObjectReference> = plan.objectsMade
    var known: [ObjectReference: Bool] = [:]
    for step in plan.steps {
      let calls: [Runbook.Call] = [step.call] + step.preconditions + step.postconditions + (step.compensation.map { [$0] } ?? [])
      let needed: [ObjectReference] = calls.flatMap { actions[$0.action]?.objects($0.inputs) ?? [] }
      let kept: [ObjectReference] = step.evidence.compactMap { if case .object(let reference) = $0 { reference } else { nil } }
      for reference in needed + kept where !made.contains(reference) {
        let isThere: Bool
        if let asked: Bool = known[reference] {
          isThere = asked
        } else {
          isThere = try await client.find(reference.resource, namespace: reference.namespace, name: reference.name) != nil
          known[reference] = isThere
        }
        guard !isThere else { continue }
        problems.append(
          SiteProblem(
            file: file, line: step.line, column: step.call.place.column,
            reason: "step \(step.id) needs \(reference), which is not in the cluster, and no step applies it"))
      }
    }
    for center in plan.centersNamed {
      guard try await client.find(.centers, name: center.value) == nil else { continue }
      problems.append(
        SiteProblem(file: file, line: 0, column: 0, reason: "the site file has a center \(center), and the cluster knows none"))
    }
    return problems
  }
}

extension RunPlan {
  var centersNamed: [CenterName] {
    Set(steps.compactMap { $0.call.inputs["center"] }).sorted().map { CenterName($0) }
  }
}
