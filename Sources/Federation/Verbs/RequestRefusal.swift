import KubeClient
import KubeModel

/// The API server's no to a Failover that was only tried out, told beside whatever else stands against it.
public enum RequestRefusal {
  public static func finding(_ refusal: KubeError, _ name: String) -> Finding {
    let isRight: Bool = refusal.code == .forbidden || refusal.code == .unauthorized
    return Finding(
      rule: isRight ? "rights" : "admission", center: nil, object: "Failover/\(name)", measured: refusal.message,
      limit: isRight ? "a user who may create failovers.federation.tricenter.io" : "a Failover that the API server takes",
      cure: isRight ? "ask somebody of tricenter:operators, or for a certificate with that group" : "change what the message names")
  }

  /// Before what the federation found: a refused request comes to nothing, whatever else is true.
  public static func add(_ refusal: KubeError, to failover: inout KubeObject) {
    let all: [JSONValue] = [finding(refusal, failover.name).json] + failover.status["blocking"].array
    let blocking: Int = all.count { Finding($0).weight == .blocking }
    failover.json["status"]["phase"] = "Refused"
    failover.json["status"]["blocking"] = .array(all)
    failover.json["status"]["message"] = .string("\(blocking) conditions stand against it. Nothing was done: a dry run.")
  }

  /// The federation could not be asked either: what everybody may read of the target stands in for its answer.
  public static func unanswered(_ failover: KubeObject, _ refusal: KubeError, target: KubeObject?) -> KubeObject {
    var answer: KubeObject = failover
    let readiness: JSONValue = target?.status["readiness"] ?? .null
    answer.json["status"] = ["blocking": readiness["findings"].isNull ? [] : readiness["findings"]]
    add(refusal, to: &answer)
    let told: String =
      readiness.isNull
      ? "Nothing is known of the target besides."
      : "What is told of the target is what \(readiness["source"].string ?? "the federation") found at "
        + "\(readiness["evaluatedAt"].string ?? "?")."
    answer.json["status"]["message"] = .string("The API server refuses the request, and the dry run of it as well. \(told)")
    return answer
  }
}
