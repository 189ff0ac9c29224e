import KubeModel
import Primitives

extension PodLifecycle {
  /// k8s: ContainerStatus v1 core.
  func containerStatus(_ record: ContainerRecord) -> JSONValue {
    let shown: ContainerObservation? = record.current ?? record.previous
    var status: JSONValue = [
      "name": .string(record.blueprint.name),
      "state": state(record),
      "ready": .bool(record.blueprint.isInit && !record.blueprint.isSidecar ? record.succeeded : record.isReady),
      "restartCount": .int(Int64(record.attempt)),
      "image": .string(shown.map { $0.image.isEmpty ? record.blueprint.image : $0.image } ?? record.blueprint.image),
      "imageID": .string(shown?.imageReference ?? ""),
      "started": .bool(record.isStarted),
    ]
    if let last: JSONValue = lastState(record) { status["lastState"] = last } else { status["lastState"] = [:] }
    if let id: String = shown?.id { status["containerID"] = .string("containerd://\(id)") }
    return status
  }

  private func state(_ record: ContainerRecord) -> JSONValue {
    if let waiting = record.waiting, !record.isRunning, record.operation != .starting || record.current == nil {
      return ["waiting": ["reason": .string(waiting.reason), "message": .string(waiting.message)]]
    }
    guard let current: ContainerObservation = record.current else {
      let initialising: Bool = !record.blueprint.isInit && initCount > 0 && !isInitialized
      return ["waiting": ["reason": initialising ? "PodInitializing" : "ContainerCreating"]]
    }
    switch current.state {
    case .running:
      return ["running": ["startedAt": time(current.startedAt)]]
    case .exited, .unknown:
      return ["terminated": terminated(current)]
    case .created:
      return ["waiting": ["reason": "ContainerCreating"]]
    }
  }

  private func lastState(_ record: ContainerRecord) -> JSONValue? {
    if let current: ContainerObservation = record.current, record.hasExited, record.waiting != nil {
      return ["terminated": terminated(current)]
    }
    return record.previous.map { ["terminated": terminated($0)] }
  }

  private func terminated(_ container: ContainerObservation) -> JSONValue {
    var state: JSONValue = [
      "exitCode": .int(Int64(container.exitCode)),
      "reason": .string(container.reason.isEmpty ? (container.exitCode == 0 ? "Completed" : "Error") : container.reason),
      "startedAt": time(container.startedAt),
      "finishedAt": time(container.finishedAt),
      "containerID": .string("containerd://\(container.id)"),
    ]
    if !container.message.isEmpty { state["message"] = .string(container.message) }
    // 128 + n: ended by signal n.
    if container.exitCode > 128, container.exitCode < 193, container.reason != "StartError" {
      state["signal"] = .int(Int64(container.exitCode - 128))
    }
    return state
  }

  private func time(_ nanoseconds: Int64) -> JSONValue {
    WallTime(runtimeNanoseconds: nanoseconds).map { .string($0.rfc3339) } ?? .null
  }
}
