import KubeModel
import Primitives

/// What is to be said of a planned Failover that has not been carried out, as a pure function of it and the activation in force.
enum FailoverVerdict: Hashable, Sendable, CustomStringConvertible {
  /// It may be carried out, under this epoch only.
  case accepted
  case refused(String)
  /// It was begun and came to nothing.
  case failed(String)

  /// Nil: nothing is to be said. Either it is over, or it was accepted and waits, or it is being carried out.
  init?(_ failover: KubeObject, _ record: ActivationRecord, order: [CenterName]) {
    guard Self.isRequest(failover, record), failover.name != record.failover, failover.name != record.handover?.failover else { return nil }
    let inForce: String = "\(record.center) is active, epoch \(record.epoch)"
    if let accepted: Int64 = failover.status["acceptedEpoch"].int {
      guard accepted < record.epoch else { return nil }
      self =
        record.previous == record.center
        ? .failed("Its target did not take over; \(inForce).")
        : .refused("It was accepted under epoch \(accepted) and not carried out; \(inForce) by now. Ask again if it is still wanted.")
      return
    }
    let spec: JSONValue = failover.spec
    let others: String = order.filter { $0 != record.center }.map(\.value).joined(separator: ", ")
    guard let target: String = spec["to"].string, order.contains(CenterName(target)) else {
      self = .refused("\(spec["to"].string ?? "Nothing") is no center of \(record.cluster): spec.to must be one of \(others).")
      return
    }
    if target == record.center.value {
      self = .refused("Nothing is to be moved: \(inForce).")
    } else if let from: String = spec["from"].string, !from.isEmpty, from != record.center.value {
      self = .refused("It is to move \(record.cluster) away from \(from), and \(inForce).")
    } else if let epoch: Int64 = spec["epoch"].int, epoch > 0, epoch != record.epoch {
      self = .refused("It was decided under epoch \(epoch), and \(inForce).")
    } else {
      self = .accepted
    }
  }

  private static func isRequest(_ failover: KubeObject, _ record: ActivationRecord) -> Bool {
    failover.spec["kind"].string == "planned" && failover.spec["cluster"].string == record.cluster
      && ["", "Pending"].contains(failover.status["phase"].string ?? "")
  }

  /// Accepted under the activation in force, and nobody has carried it out yet.
  static func isWaiting(_ failover: KubeObject, _ record: ActivationRecord, order: [CenterName]) -> Bool {
    guard isRequest(failover, record), failover.status["acceptedEpoch"].int == record.epoch, let to: String = failover.spec["to"].string
    else { return false }
    return to != record.center.value && order.contains(CenterName(to))
  }

  func write(into failover: inout KubeObject, epoch: Int64, now: WallTime) {
    var status: JSONValue = failover.status
    switch self {
    case .accepted: (status["phase"], status["acceptedEpoch"]) = ("Pending", .int(epoch))
    case .refused(let message), .failed(let message):
      if case .failed = self { status["phase"] = "Failed" } else { status["phase"] = "Refused" }
      (status["message"], status["finishedAt"]) = (.string(message), .string(now.rfc3339Micro))
    }
    failover.status = status
  }

  var description: String {
    switch self {
    case .accepted: "accepted"
    case .refused(let message): "refused: \(message)"
    case .failed(let message): "failed: \(message)"
    }
  }
}
