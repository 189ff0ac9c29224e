import Primitives

/// The columns of `kubectl get pods`, whose status column tells more than the phase: what the containers wait for or died of.
extension TableColumn {
  static let pods: [TableColumn] = [
    objectName,
    TableColumn("Ready", "Containers that are ready, of all.") { pod, _ in
      let summary = PodSummary(pod)
      return .string("\(summary.ready)/\(summary.total)")
    },
    TableColumn("Status", "The pod's state in one word.") { pod, _ in .string(PodSummary(pod).reason) },
    TableColumn("Restarts", "How often its containers were restarted, and when last.") { pod, now in
      let summary = PodSummary(pod)
      guard summary.restarts > 0, let last: WallTime = summary.lastRestart else { return .string(String(summary.restarts)) }
      return .string("\(summary.restarts) (\(HumanDuration.text(seconds: now.secondsSince1970 - last.secondsSince1970)) ago)")
    },
    age,
    TableColumn("IP", wide: true, "The pod's address.") { pod, _ in
      .string(pod.status["podIPs"][0]["ip"].string ?? pod.status["podIP"].string ?? "<none>")
    },
    TableColumn("Node", wide: true, field: ["spec", "nodeName"], "The node that runs it."),
    TableColumn("Nominated Node", wide: true, field: ["status", "nominatedNodeName"], "The node that is being cleared for it."),
    TableColumn("Readiness Gates", wide: true, "Conditions besides the containers' that must be true.") { pod, _ in
      let gates: [JSONValue] = pod.spec["readinessGates"].array
      guard !gates.isEmpty else { return "<none>" }
      let open: Int = gates.count { gate in
        pod.status["conditions"].array.contains { $0["type"] == gate["conditionType"] && $0["status"] == "True" }
      }
      return .string("\(open)/\(gates.count)")
    },
  ]
}

/// A pod's state as kubectl words it.
public struct PodSummary: Sendable {
  public private(set) var reason: String
  public private(set) var ready: Int = 0
  public let total: Int
  public private(set) var restarts: Int64 = 0
  public private(set) var lastRestart: WallTime?

  public init(_ pod: KubeObject) {
    let phase: String = pod.status["phase"].string ?? ""
    let sidecars: Set<String> = Set(
      pod.spec["initContainers"].array.filter { $0["restartPolicy"] == "Always" }.compactMap { $0["name"].string })
    total = pod.spec["containers"].array.count + sidecars.count
    reason = pod.status["reason"].string ?? phase
    let conditions: [JSONValue] = pod.status["conditions"].array
    func isTrue(_ type: String) -> Bool { conditions.contains { $0["type"].string == type && $0["status"] == "True" } }
    if conditions.contains(where: { $0["type"] == "PodScheduled" && $0["reason"] == "SchedulingGated" }) { reason = "SchedulingGated" }

    let initializing: Bool = addInitContainers(pod, sidecars)
    if !initializing || isTrue("Initialized") { addContainers(pod, isReady: isTrue("Ready")) }
    if pod.isBeingDeleted {
      if pod.status["reason"] == "NodeLost" {
        reason = "Unknown"
      } else if phase != "Succeeded", phase != "Failed" {
        reason = "Terminating"
      }
    }
  }

  private mutating func note(_ status: JSONValue) {
    restarts += status["restartCount"].int ?? 0
    noteRestart(status)
  }

  private mutating func noteRestart(_ status: JSONValue) {
    if let text: String = status["lastState"]["terminated"]["finishedAt"].string, let time: WallTime = WallTime(rfc3339: text) {
      lastRestart = max(lastRestart ?? time, time)
    }
  }

  /// Whether an init container is still at it.
  private mutating func addInitContainers(_ pod: KubeObject, _ sidecars: Set<String>) -> Bool {
    let all: Int = pod.spec["initContainers"].array.count
    var sidecarRestarts: Int64 = 0
    var sidecarRestart: WallTime?
    for (index, status) in pod.status["initContainerStatuses"].array.enumerated() {
      note(status)
      let isSidecar: Bool = sidecars.contains(status["name"].string ?? "")
      if isSidecar {
        sidecarRestarts += status["restartCount"].int ?? 0
        sidecarRestart = lastRestart
      }
      let terminated: JSONValue = status["state"]["terminated"]
      if terminated.object != nil, terminated["exitCode"].int ?? 0 == 0 { continue }
      if isSidecar, status["started"].bool == true {
        if status["ready"].bool == true { ready += 1 }
        continue
      }
      if terminated.object != nil {
        reason = "Init:" + Self.death(terminated)
      } else if let waiting: String = status["state"]["waiting"]["reason"].string, waiting != "PodInitializing" {
        reason = "Init:" + waiting
      } else {
        reason = "Init:\(index)/\(all)"
      }
      return true
    }
    restarts = sidecarRestarts
    lastRestart = sidecarRestart
    return false
  }

  private static func death(_ terminated: JSONValue) -> String {
    if let reason: String = terminated["reason"].string, !reason.isEmpty { return reason }
    if let signal: Int64 = terminated["signal"].int, signal != 0 { return "Signal:\(signal)" }
    return "ExitCode:\(terminated["exitCode"].int ?? 0)"
  }

  private mutating func addContainers(_ pod: KubeObject, isReady: Bool) {
    var running: Bool = false
    for status in pod.status["containerStatuses"].array.reversed() {
      note(status)
      let state: JSONValue = status["state"]
      if let waiting: String = state["waiting"]["reason"].string, !waiting.isEmpty {
        reason = waiting
      } else if state["terminated"].object != nil {
        reason = Self.death(state["terminated"])
      } else if status["ready"].bool == true, state["running"].object != nil {
        running = true
        ready += 1
      }
    }
    // One of several containers has ended while another goes on.
    if reason == "Completed", running { reason = isReady ? "Running" : "NotReady" }
  }
}
