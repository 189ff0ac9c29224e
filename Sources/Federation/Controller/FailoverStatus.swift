import KubeModel
import Primitives

/// How a Failover's status tells what was decided and what happened.
enum FailoverStatus {
  /// Whether `verdict` says something that the object does not say yet.
  static func isNews(_ verdict: FailoverVerdict, _ failover: KubeObject) -> Bool {
    func message(_ type: String) -> String? {
      failover.status["conditions"].array.first { $0["type"].string == type && $0["status"].string != "Unknown" }?["message"].string
    }
    switch verdict {
    case .queued(let reason): return message("Queued") != reason
    case .awaitsApproval(let missing): return message("Approved") != missing
    case .accepted, .refused, .failed, .answered: return true
    }
  }

  static func write(_ verdict: FailoverVerdict, into failover: inout KubeObject, epoch: Int64, center: CenterName, now: WallTime) {
    var status: JSONValue = failover.status
    let stamp: String = now.rfc3339Micro
    func end(_ phase: String, _ message: String) {
      (status["phase"], status["message"], status["finishedAt"]) = (.string(phase), .string(message), .string(stamp))
    }
    switch verdict {
    case .accepted(let findings):
      (status["phase"], status["acceptedEpoch"]) = ("Pending", .int(epoch))
      tell(findings.blocking.isEmpty ? [] : findings, in: &status)
      set("Queued", false, "First", "It is its turn.", in: &status, onlyIfThere: true, stamp)
      set("Approved", true, "Approved", "Enough have approved.", in: &status, onlyIfThere: true, stamp)
      set("Accepted", true, "Accepted", "It may be carried out under epoch \(epoch).", in: &status, stamp)
    case .queued(let reason):
      status["phase"] = "Pending"
      status["message"] = .string("It waits: \(reason).")
      set("Queued", true, "NotFirst", reason, in: &status, stamp)
    case .awaitsApproval(let missing):
      status["phase"] = "Pending"
      status["message"] = .string("It waits: \(missing).")
      set("Queued", false, "First", "It is its turn.", in: &status, onlyIfThere: true, stamp)
      set("Approved", false, "NotEnough", missing, in: &status, stamp)
    case .refused(let message, let findings):
      end("Refused", message)
      if !findings.isEmpty { status["blocking"] = findings.json }
      set("Accepted", false, "Refused", message, in: &status, stamp)
    case .failed(let message):
      end("Failed", message)
      set("Completed", false, "Failed", message, in: &status, stamp)
    case .answered(let findings):
      let blocking: Int = findings.blocking.count
      end(
        blocking == 0 ? "Completed" : "Refused",
        blocking == 0
          ? "Nothing stands against it. Nothing was done: a dry run."
          : "\(blocking) conditions stand against it. Nothing was done: a dry run.")
      status["blocking"] = findings.json
      set("Accepted", blocking == 0, blocking == 0 ? "DryRun" : "Blocked", "A dry run: nothing was done.", in: &status, stamp)
    }
    add(verdict.decision, verdict.reason, center: center, in: &status, stamp)
    failover.status = status
  }

  /// What it still waits for, and what is only told besides; nothing that blocks: it waits for nothing.
  static func tell(_ findings: [Finding], in status: inout JSONValue) {
    let blocking: [Finding] = findings.blocking
    status["blocking"] = blocking.isEmpty ? .null : findings.json
    status["message"] = blocking.isEmpty ? .null : .string("It waits: " + blocking.map(\.sentence).joined(separator: "; ") + ".")
  }

  static func complete(_ failover: inout KubeObject, _ message: String, center: CenterName, now: WallTime) {
    let stamp: String = now.rfc3339Micro
    (failover.json["status"]["phase"], failover.json["status"]["finishedAt"]) = ("Completed", .string(stamp))
    set("Completed", true, "Running", message, in: &failover.json["status"], stamp)
    add("Completed", message, center: center, in: &failover.json["status"], stamp)
  }

  static func set(
    _ type: String, _ holds: Bool, _ reason: String, _ message: String, in status: inout JSONValue, onlyIfThere: Bool = false,
    _ stamp: String
  ) {
    var conditions: [JSONValue] = status["conditions"].array
    let index: Int? = conditions.firstIndex { $0["type"].string == type }
    let value: String = holds ? "True" : "False"
    if index == nil, onlyIfThere { return }
    let since: JSONValue = index.map { conditions[$0]["status"].string == value ? conditions[$0]["lastTransitionTime"] : .null } ?? .null
    // A Condition's time has whole seconds (meta/v1).
    let condition: JSONValue = [
      "type": .string(type), "status": .string(value), "reason": .string(reason), "message": .string(message),
      "lastTransitionTime": since.isNull ? .string(WallTime(rfc3339: stamp)?.rfc3339 ?? stamp) : since,
    ]
    if let index { conditions[index] = condition } else { conditions.append(condition) }
    status["conditions"] = .array(conditions)
  }

  static func add(_ name: String, _ message: String, center: CenterName, in status: inout JSONValue, _ stamp: String) {
    var history: [JSONValue] = status["history"].array
    history.append([
      "time": .string(stamp), "name": .string(name), "center": .string(center.value), "message": .string(message),
    ])
    status["history"] = .array(Array(history.suffix(FederationLimits.historyEntries)))
  }
}
