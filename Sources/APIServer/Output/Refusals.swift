import KubeModel
import Primitives

/// Refusals that only a server has, in Kubernetes' words; the others are in `KubeStatus`.
extension KubeStatus {
  static func bodyTooLarge(limit: Int) -> KubeStatus { .tooLarge("limit is \(limit)") }

  static func tooOld(_ asked: Int64, oldest: Int64) -> KubeStatus { .expired("too old resource version: \(asked) (\(oldest))") }

  /// The client knows more than this server yet. Clients read the cause and come back.
  static func tooLargeVersion(_ asked: Int64, current: Int64) -> KubeStatus {
    KubeStatus(
      code: 504, reason: "Timeout", message: "Timeout: Too large resource version: \(asked), current: \(current)",
      details: [
        "causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]], "retryAfterSeconds": 1,
      ])
  }

  /// 422 for what stands in the query or in options, not in an object.
  static func invalidOptions(_ kind: String, _ field: String, _ value: String, allowed: [String]) -> KubeStatus {
    .invalid(group: "meta.k8s.io", kind: kind, name: "", [.notSupported(FieldPath(field), .string(value), allowed)])
  }
  static func forbiddenOption(_ kind: String, _ field: String, _ why: String) -> KubeStatus {
    .invalid(group: "meta.k8s.io", kind: kind, name: "", [.forbidden(FieldPath(field), why)])
  }

  static func uidConflict(_ resource: ResourceName, name: String, asked: String, found: String) -> KubeStatus {
    .conflict(resource, name: name, "Precondition failed: UID in precondition: \(asked), UID in object meta: \(found)")
  }

  var retryAfterSeconds: Int64 { details["retryAfterSeconds"].int ?? 0 }
}

/// A continued list whose revision was compacted away: 410 with a token for going on from the newest state.
struct ExpiredContinuation: Error, Sendable {
  let token: ContinueToken

  var json: JSONValue {
    var json: JSONValue = KubeStatus.expired(
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list."
    ).json
    json["metadata"] = ["continue": .string(token.text)]
    return json
  }
}
