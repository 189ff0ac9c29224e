import KubeModel
import Primitives

/// Conditions of a status:
/// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
enum Conditions {
  /// Sets one condition. `lastTransitionTime` moves only with the status, `lastUpdateTime` (where the kind has it) at every change.
  /// One that says the same already stays untouched, unless `refresh`.
  static func set(
    _ conditions: inout [JSONValue], _ type: String, _ status: String, reason: String, message: String, now: WallTime,
    withUpdateTime: Bool = false, refresh: Bool = false
  ) {
    let index: Int? = conditions.firstIndex { $0["type"].string == type }
    let old: JSONValue? = index.map { conditions[$0] }
    if let old, !refresh, old["status"].string == status, old["reason"].string == reason, old["message"].string == message { return }
    let time: JSONValue = .string(now.rfc3339)
    // What else it carries (a node's lastHeartbeatTime) stays as it was.
    var condition: JSONValue = old ?? ["type": .string(type)]
    condition["status"] = .string(status)
    if withUpdateTime { condition["lastUpdateTime"] = time }
    condition["lastTransitionTime"] = old?["status"].string == status ? old?["lastTransitionTime"] ?? time : time
    condition["reason"] = .string(reason)
    condition["message"] = .string(message)
    if let index { conditions[index] = condition } else { conditions.append(condition) }
  }

  static func remove(_ conditions: inout [JSONValue], _ type: String) { conditions.removeAll { $0["type"].string == type } }
  static func find(_ conditions: [JSONValue], _ type: String) -> JSONValue? { conditions.first { $0["type"].string == type } }
}
