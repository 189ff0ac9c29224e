import KubeModel
import Primitives

extension PodLifecycle {
  /// Tells the API when what it should know differs from what it was told last.
  mutating func publish(_ now: Reading, _ out: inout [PodDirective]) {
    guard !gone, !finalInAPI, deletion != .done else { return }
    let status: JSONValue = status(now)
    guard status != published else { return }
    published = status
    out.append(.publish(status))
  }

  /// The status as a whole (k8s: PodStatus v1 core), with the conditions that others have set.
  func status(_ now: Reading) -> JSONValue {
    let phase: String = phase
    var status: JSONValue = ["phase": .string(phase)]
    status["conditions"] = .array(conditions(phase: phase, now: now))
    if let fenced {
      status["reason"] = "Fenced"
      status["message"] = .string(fenced)
    } else if let failure: PodFailure = refusal ?? (phase == "Failed" ? failure : nil) {
      status["reason"] = .string(failure.reason)
      status["message"] = .string(failure.message)
    }
    status["hostIP"] = .string(hostAddress)
    status["hostIPs"] = [["ip": .string(hostAddress)]]
    let address: String = blueprint.hostNetwork ? hostAddress : podAddress
    if sandbox != nil, !address.isEmpty {
      status["podIP"] = .string(address)
      status["podIPs"] = [["ip": .string(address)]]
    } else if completed != nil || stopGrace != nil, let last: String = published["podIP"].string {
      // A pod that ended keeps the address it had.
      status["podIP"] = .string(last)
      status["podIPs"] = [["ip": .string(last)]]
    }
    status["startTime"] = .string(startTime)
    if blueprint.generation > 0 { status["observedGeneration"] = .int(blueprint.generation) }
    // A pod that was refused has no containers to speak of.
    let nothingRan: Bool = failure != nil && records.allSatisfy { $0.current == nil && $0.previous == nil }
    if nothingRan, phase == "Failed" {
      status["containerStatuses"] = []
      if let quality: JSONValue = published["qosClass"].string.map({ .string($0) }) { status["qosClass"] = quality }
      return status
    }
    if initCount > 0 { status["initContainerStatuses"] = .array(records.prefix(initCount).map(containerStatus)) }
    status["containerStatuses"] = .array(records.dropFirst(initCount).map(containerStatus))
    if let quality: JSONValue = published["qosClass"].string.map({ .string($0) }) { status["qosClass"] = quality }
    return status
  }

  var phase: String {
    // A pod that this host gives up is over with its last process: nobody may count on its place before.
    if let completed, failure == nil || isQuiet { return completed }
    let policy: PodBlueprint.RestartPolicy = blueprint.restartPolicy
    let main: ArraySlice<ContainerRecord> = records.dropFirst(initCount)
    let started: Int = main.count { $0.current != nil || $0.previous != nil }
    let running: Int = main.count { $0.isRunning }
    // Told to go, and everything that ran has ended: the phase is final.
    if blueprint.deletion != nil, running == 0, !main.contains(where: { $0.operation == .starting }) {
      if started == 0 { return published["phase"].string == "Running" ? "Failed" : "Pending" }
      return main.allSatisfy { ($0.current ?? $0.previous)?.exitCode == 0 && ($0.current ?? $0.previous)?.state == .exited }
        ? "Succeeded" : "Failed"
    }
    guard isInitialized || running > 0 else { return "Pending" }
    if started < main.count { return "Pending" }
    if running > 0 || policy == .always { return "Running" }
    if main.allSatisfy(\.succeeded) { return "Succeeded" }
    return policy == .never ? "Failed" : "Running"
  }

  var isInitialized: Bool {
    records.prefix(initCount).allSatisfy { $0.blueprint.isSidecar ? $0.isStarted : $0.succeeded }
      || records.dropFirst(initCount).contains { $0.current != nil }
  }

  // MARK: Conditions

  private func conditions(phase: String, now: Reading) -> [JSONValue] {
    let main: ArraySlice<ContainerRecord> = records.dropFirst(initCount)
    let unready: [String] = main.filter { !$0.isReady }.map(\.blueprint.name)
    let incomplete: [String] = records.prefix(initCount).filter { !($0.blueprint.isSidecar ? $0.isStarted : $0.succeeded) }.map(
      \.blueprint.name)
    func list(_ names: [String]) -> String { "[" + names.joined(separator: " ") + "]" }

    var containersReady: (Bool, String, String) = (true, "", "")
    if phase == "Succeeded" {
      containersReady = (false, "PodCompleted", "")
    } else if phase == "Failed" {
      containersReady = (false, "PodFailed", "")
    } else if !unready.isEmpty {
      containersReady = (false, "ContainersNotReady", "containers with unready status: \(list(unready))")
    }
    var ready: (Bool, String, String) = containersReady
    let missing: [String] = blueprint.readinessGates.filter { gate in
      !blueprint.foreignConditions.contains { $0["type"].string == gate && $0["status"].string == "True" }
    }
    if ready.0, !missing.isEmpty {
      ready = (false, "ReadinessGatesNotReady", "corresponding condition of pod readiness gate is not True: \(list(missing))")
    }
    if fenced != nil { ready = (false, "Fenced", fenced ?? "") }
    let initialized: (Bool, String, String) =
      isInitialized || phase == "Succeeded"
      ? (true, phase == "Succeeded" ? "PodCompleted" : "", "")
      : (false, "ContainersNotInitialized", "containers with incomplete status: \(list(incomplete))")
    let own: [JSONValue] = [
      condition("PodReadyToStartContainers", (sandbox?.ready ?? false, "", ""), now),
      condition("Initialized", initialized, now),
      condition("Ready", ready, now),
      condition("ContainersReady", containersReady, now),
      condition("PodScheduled", (true, "", ""), now),
    ]
    return own + blueprint.foreignConditions
  }

  private func condition(_ type: String, _ value: (Bool, String, String), _ now: Reading) -> JSONValue {
    let status: String = value.0 ? "True" : "False"
    let before: JSONValue? = published["conditions"].array.first { $0["type"].string == type }
    let since: String? = before?["status"].string == status ? before?["lastTransitionTime"].string : nil
    var condition: JSONValue = [
      "type": .string(type), "status": .string(status),
      "lastTransitionTime": .string(since ?? now.wall.rfc3339),
    ]
    if !value.1.isEmpty { condition["reason"] = .string(value.1) }
    if !value.2.isEmpty { condition["message"] = .string(value.2) }
    if blueprint.generation > 0 { condition["observedGeneration"] = .int(blueprint.generation) }
    return condition
  }
}
