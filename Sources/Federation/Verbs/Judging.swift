import KubeModel
import Primitives

/// Everything besides the activation that a Failover is judged by.
struct Judging: Sendable {
  var order: [CenterName]
  var approvals = ApprovalPolicy()
  /// All Failovers, for those that are under way or wait.
  var others: [FailoverRequest] = []
  /// The Drill that runs now.
  var drill: (name: String, runbook: String)?
  /// How long no renewal of the activation has been seen here.
  var silentFor: Duration = .zero
  /// From when on the active center is late.
  var lateAfter: Duration = .milliseconds(750)
  /// How long this one has been open here.
  var openFor: Duration = .zero
  var now = WallTime(secondsSince1970: 0)
  /// Looks for what stands against the move, in every center; nil: it cannot be told yet. Asked only where it decides.
  var findings: @Sendable () -> [Finding]? = { [] }

  init(order: [CenterName]) { self.order = order }
}

/// Findings about the request itself: what it says does not fit the activation, or its verb.
enum VerbConditions {
  static func findings(_ request: FailoverRequest, _ record: ActivationRecord, _ judging: Judging) -> [Finding] {
    var found: [Finding] = []
    let inForce: String = "\(record.center) is active, epoch \(record.epoch)"
    let others: String = judging.order.filter { $0 != record.center }.map(\.value).joined(separator: ", ")
    func add(_ rule: String, _ object: String, _ measured: String, _ limit: String, _ cure: String) {
      found.append(
        Finding(rule: rule, center: request.to, object: object, measured: measured, limit: limit, cure: cure))
    }
    let own: String = "Failover/\(request.name)"
    let lease: String = "Lease/\(ActivationRecord.name(cluster: record.cluster))"
    guard let to: CenterName = request.to, judging.order.contains(to) else {
      add(
        "target", own, "\(request.to?.value ?? "Nothing") is no center of \(record.cluster)", "spec.to must be one of \(others)",
        "name one of them")
      return found
    }
    if to == record.center {
      add(
        "target", own, request.verb == .reprotect ? "\(to) is the active center" : "Nothing is to be moved: \(inForce)",
        "a center that stands by", "name one of \(others)")
    }
    if let from: CenterName = request.from, from != record.center {
      add(
        "source", own, "It is to move \(record.cluster) away from \(from), and \(inForce)", "from: \(record.center)",
        "look at what is active now, and ask again")
    }
    if let epoch: Int64 = request.epoch, epoch != record.epoch {
      add(
        "epoch", own, "It was decided under epoch \(epoch), and \(inForce)", "epoch: \(record.epoch)",
        "look at what is active now, and ask again")
    }
    let silence: String = "\(judging.silentFor.inNanoseconds / 1_000_000) ms"
    switch request.verb {
    case .failover where judging.silentFor < judging.lateAfter:
      add(
        "source-silent", lease, "\(record.center) renewed its activation \(silence) ago", "no renewal, as after a loss",
        "while it renews nothing is lost by asking it to give way: tricenter switchover \(record.cluster) --to \(to)")
    case .switchover where judging.silentFor >= judging.lateAfter, .failback where judging.silentFor >= judging.lateAfter:
      add(
        "source-answers", lease, "\(record.center) has not renewed its activation for \(silence)", "an active center that can give way",
        "after a loss: tricenter failover \(record.cluster) --to \(to)")
    default: break
    }
    if request.verb == .failback, let home: CenterName = judging.order.first, to != home {
      add("home", own, "\(to) is not where \(record.cluster) is at home", "to: \(home)", "tricenter switchover moves it anywhere else")
    }
    return found
  }
}
