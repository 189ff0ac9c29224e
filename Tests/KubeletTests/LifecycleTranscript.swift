import KubeModel
import Primitives

@testable import Kubelet

/// Speaks with one `PodLifecycle` in the words of the transcripts below `testdata`.
struct LifecycleTranscript {
  struct Confusion: Error, CustomStringConvertible { var description: String }

  private var pod = KubeObject([:])
  private var lifecycle: PodLifecycle?
  private var seconds: Double = 0
  private var containers: [String: ContainerObservation] = [:]
  private var sandboxes: [SandboxObservation] = []
  private var serial: Int = 0

  private var now: Reading {
    Reading(
      monotonic: MonotonicTime(nanoseconds: Int64(seconds * 1e9)),
      wall: WallTime(secondsSince1970: 1_800_000_000 + Int64(seconds), nanoseconds: 0))
  }
  private var nanoseconds: Int64 { now.wall.secondsSince1970 * 1_000_000_000 }

  mutating func answer(_ line: String) throws -> String {
    var words: [String] = line.split(separator: " ").map(String.init)
    let verb: String = words.removeFirst()
    let named: [String: String] = Dictionary(
      words.compactMap { word in
        let parts: [Substring] = word.split(separator: "=", maxSplits: 1)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
      }, uniquingKeysWith: { $1 })
    if verb == "pod" {
      pod = Self.pod(named)
      lifecycle = nil
      containers = [:]
      sandboxes = []
      serial = 0
      return ""
    }
    guard var life: PodLifecycle = lifecycle else {
      if verb == "start-taken" {
        var refused = PodLifecycle(pod: pod, observation: observation, hostAddress: "10.0.0.1", now: now)
        let taken = PodFailure.portTaken(HostPort(transport: .tcp, containerPort: 80, hostPort: 80, hostAddress: ""))
        let answers: [PodDirective] = refused.onRefused(taken, now: now) + refused.onStart(now)
        lifecycle = refused
        return Self.describe(answers, &pod)
      }
      if verb == "start-refused" {
        var refused = PodLifecycle(pod: pod, observation: observation, hostAddress: "10.0.0.1", now: now)
        let answers: [PodDirective] =
          refused.onRefused(.unsupported("hostUsers: false", "not here"), now: now) + refused.onStart(now)
        lifecycle = refused
        return Self.describe(answers, &pod)
      }
      guard verb == "start" || verb == "restart-kubelet" else { throw Confusion(description: "there is no lifecycle yet for '\(line)'") }
      return begin()
    }
    lifecycle = nil
    defer { lifecycle = life }
    if verb == "restart-kubelet" {
      life = PodLifecycle(pod: pod, observation: observation, hostAddress: "10.0.0.1", now: now)
      return Self.describe(life.onStart(now), &pod)
    }
    let answers: [PodDirective] = try tell(&life, verb, words, named)
    return Self.describe(answers, &pod)
  }

  private var observation: PodObservation {
    PodObservation(sandboxes: sandboxes, containers: containers.values.sorted { $0.id < $1.id }, takenAt: now.monotonic)
  }

  private mutating func begin() -> String {
    var life = PodLifecycle(pod: pod, observation: observation, hostAddress: "10.0.0.1", now: now)
    let answers: [PodDirective] = life.onStart(now)
    lifecycle = life
    return Self.describe(answers, &pod)
  }

  private mutating func tell(_ life: inout PodLifecycle, _ verb: String, _ words: [String], _ named: [String: String]) throws
    -> [PodDirective]
  {
    let first: String = words.first ?? ""
    switch verb {
    case "sandbox":
      if first == "fails" { return life.onSandboxFailed("no network", now: now) }
      serial += 1
      let sandbox = SandboxObservation(
        id: "s\(serial)", podUID: "u1", namespace: "shop", name: "web", attempt: UInt32(named["attempt"] ?? "0")!, ready: true,
        address: "10.1.0.\(serial)")
      sandboxes.append(sandbox)
      return life.onSandboxStarted(sandbox, now: now)
    case "sandbox-dies":
      sandboxes[sandboxes.count - 1].ready = false
      return life.onObserved(observation, now: now)
    case "started":
      serial += 1
      let container = ContainerObservation(
        id: "c\(serial)", sandbox: sandboxes.last?.id ?? "", podUID: "u1", name: first, attempt: UInt32(named["attempt"] ?? "0")!,
        state: .running,
        createdAt: nanoseconds, startedAt: nanoseconds, image: named["image"] ?? "\(first):1")
      containers[first] = container
      return life.onContainerStarted(container, now: now)
    case "fails":
      let failure: StartFailure =
        switch named["with"] {
        case "pull": .imagePull("no such image")
        case "never": .imageNever("not present")
        case "config": .configuration("configmap \"x\" not found")
        default: .create("broken")
        }
      return life.onContainerFailed(first, failure, now: now)
    case "exits", "stopped":
      containers[first]?.state = .exited
      containers[first]?.exitCode = Int32(named["code"] ?? "0")!
      let ended: Int64 = nanoseconds
      containers[first]?.finishedAt = ended
      if verb == "stopped" { return life.onContainerStopped(first, containers[first], now: now) }
      return life.onObserved(observation, now: now)
    case "observe-before":
      var old: PodObservation = observation
      old.takenAt = old.takenAt - .seconds(1)
      old.containers = []
      return life.onObserved(old, now: now)
    case "discarded":
      let ids: [String] = words
      sandboxes.removeAll { ids.contains($0.id) }
      let kept: [String: ContainerObservation] = containers.filter { !ids.contains($0.value.sandbox) }
      containers = kept
      return life.onSandboxesDiscarded(ids, now: now)
    case "probe":
      guard let kind = ProbeKind(rawValue: words[1]), let id: String = containers[first]?.id else {
        throw Confusion(description: "no such probe")
      }
      let succeeded: Bool = words[2] == "ok"
      return life.onProbe(first, id: id, kind: kind, succeeded: succeeded, message: succeeded ? "" : "refused", now: now)
    case "node-unheard":
      var told: KubeObject = pod
      told.json["status"]["conditions"] = [["type": "Ready", "status": "False", "reason": "NodeNotReady"]]
      return life.onDesired(told, now: now)
    case "wait":
      seconds += Double(first)!
      return life.onWake(now: now)
    case "delete":
      pod.metadata["deletionTimestamp"] = "2027-01-15T08:00:00Z"
      pod.metadata["deletionGracePeriodSeconds"] = .int(Int64(named["grace"] ?? "30")!)
      return life.onDesired(pod, now: now)
    case "image":
      pod.json["spec"]["containers"][0]["image"] = .string(first)
      return life.onDesired(pod, now: now)
    case "refuse": return life.onRefused(.unsupported("hostUsers: false", "not here"), now: now)
    case "evict": return life.onEvicted(.evicted("Too much was written."), now: now)
    case "gone": return life.onGone(now: now)
    case "deleted": return life.onDeleted(now: now)
    case "delete-fails": return life.onDeleteFailed(now: now)
    case "fence": return life.onFence(reason: "another center is active", now: now)
    case "unfence": return life.onUnfence(now: now)
    default: throw Confusion(description: "'\(verb)' is no command of this transcript")
    }
  }

  private static func pod(_ named: [String: String]) -> KubeObject {
    let probes: [Substring] = (named["probes"] ?? "").split(separator: ",")
    func container(_ name: Substring, sidecar: Bool = false) -> JSONValue {
      var json: JSONValue = ["name": .string(String(name)), "image": .string("\(name):1")]
      for probe in probes { json["\(probe)Probe"] = ["tcpSocket": ["port": 80], "periodSeconds": 1, "failureThreshold": 2] }
      if sidecar { json["restartPolicy"] = "Always" }
      return json
    }
    var spec: JSONValue = [
      "restartPolicy": .string(named["restart"] ?? "Always"), "nodeName": "prod-1",
      "containers": .array((named["containers"] ?? "web").split(separator: ",").map { container($0) }),
    ]
    if let deadline: Int64 = named["deadline"].flatMap({ Int64($0) }) { spec["activeDeadlineSeconds"] = .int(deadline) }
    let initial: [JSONValue] = (named["init"] ?? "").split(separator: ",").map {
      ["name": .string(String($0)), "image": .string("\($0):1")]
    }
    let sidecars: [JSONValue] = (named["sidecars"] ?? "").split(separator: ",").map { container($0, sidecar: true) }
    if !initial.isEmpty || !sidecars.isEmpty { spec["initContainers"] = .array(initial + sidecars) }
    var metadata: JSONValue = ["name": "web", "namespace": "shop", "uid": "u1"]
    if named["tier"] == "hot" { metadata["annotations"] = ["federation.tricenter.io/tier": "hot"] }
    return KubeObject(["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec])
  }

  // MARK: Answers

  /// The API keeps what is published: the next kubelet reads it there.
  private static func describe(_ directives: [PodDirective], _ pod: inout KubeObject) -> String {
    directives.map { directive in
      switch directive {
      case .startSandbox(let attempt): return "start sandbox, attempt \(attempt)"
      case .discardSandboxes(let ids): return "discard \(ids.joined(separator: " "))"
      case .startContainer(let name, let attempt): return "start \(name), attempt \(attempt)"
      case .stopContainer(let name, let id, let grace, let reason):
        return "stop \(name) \(id), grace \(grace.components.seconds)s: \(reason)"
      case .removeContainers(let ids): return "remove \(ids.joined(separator: " "))"
      case .startProbes(let name, let id): return "probe \(name) \(id)"
      case .stopProbes(let name): return "probe \(name) no more"
      case .publish(let status):
        pod.status = status
        return "publish " + status.brief
      case .deleteObject: return "delete the object"
      case .record(let event): return "event \(event.type) \(event.reason): \(event.message)"
      case .wake(let after): return "wake after \(after.components.seconds)s"
      case .finished: return "finished"
      }
    }.joined(separator: "\n")
  }
}

extension JSONValue {
  /// `Running, ready; web running, restarts 1`
  fileprivate var brief: String {
    func condition(_ type: String) -> Bool {
      self["conditions"].array.contains { $0["type"].string == type && $0["status"].string == "True" }
    }
    let containers: [String] = (self["initContainerStatuses"].array + self["containerStatuses"].array).map { container in
      let state: JSONValue = container["state"]
      var text: String = container["name"].string ?? ""
      if let reason: String = state["waiting"]["reason"].string { text += " waiting(\(reason))" }
      if state["running"].object != nil { text += container["ready"].bool == true ? " ready" : " running" }
      if let code: Int64 = state["terminated"]["exitCode"].int { text += " exited(\(code) \(state["terminated"]["reason"].string ?? ""))" }
      if let restarts: Int64 = container["restartCount"].int, restarts > 0 { text += " restarts=\(restarts)" }
      return text
    }
    let address: String = self["podIP"].string.map { " at \($0)" } ?? ""
    let reason: String = self["reason"].string.map { " (\($0))" } ?? ""
    return "\(self["phase"].string ?? "?")\(reason)\(condition("Ready") ? " Ready" : "")\(address): \(containers.joined(separator: ", "))"
  }
}
