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
  /// Names of all namespaces; nil: not read yet.
  var namespaces: Set<String>?
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
    if request.verb == .evacuate {
      found += namespaceFindings(request, to, record, judging)
    } else if to == record.center {
      add(
        "target", own, request.verb == .reprotect ? "\(to) is the active center" : "Nothing is to be moved: \(inForce)",
        "a center that stands by", "name one of \(others)")
    }
    let source: CenterName = request.namespace.flatMap { record.placement(of: $0)?.center } ?? record.center
    if let from: CenterName = request.from, from != source {
      add(
        "source", own,
        "It is to move \(request.namespace ?? record.cluster) away from \(from), and "
          + (request.namespace.map { "\($0) is in \(source)" } ?? inForce), "from: \(source)",
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
    case .switchover where judging.silentFor >= judging.lateAfter, .failback where judging.silentFor >= judging.lateAfter,
      .evacuate where judging.silentFor >= judging.lateAfter:
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

  private static func namespaceFindings(
    _ request: FailoverRequest, _ to: CenterName, _ record: ActivationRecord, _ judging: Judging
  ) -> [Finding] {
    func finding(_ rule: String, _ object: String, _ measured: String, _ limit: String, _ cure: String) -> Finding {
      Finding(rule: rule, center: to, object: object, measured: measured, limit: limit, cure: cure)
    }
    guard let namespace: String = request.namespace else {
      return [
        finding(
          "namespace", "Failover/\(request.name)", "It names no namespace", "spec.namespace",
          "tricenter evacuate NAMESPACE --to \(to); the whole cluster: tricenter switchover")
      ]
    }
    let object: String = "Namespace/\(namespace)"
    if NamespacePlacement.unmovable.contains(namespace) {
      return [
        finding(
          "namespace", object, "\(namespace) holds the cluster's own parts, which every center has", "a namespace of workloads",
          "tricenter switchover moves the whole cluster")
      ]
    }
    if let known = judging.namespaces, !known.contains(namespace) {
      return [finding("namespace", object, "There is no namespace \(namespace)", "one that exists", "kubectl get namespaces")]
    }
    let placement: NamespacePlacement? = record.placement(of: namespace)
    if let target: CenterName = placement?.yieldsTo, placement?.failover != request.name {
      return [
        finding(
          "under-way", object, "\(namespace) is being moved to \(target)" + (placement?.failover.map { " for \($0)" } ?? ""),
          "no move of it under way", "wait for its end")
      ]
    }
    if (placement?.center ?? record.center) == to {
      return [
        finding(
          "target", object, "Nothing is to be moved: \(namespace) is in \(to)", "another center",
          "name one of \(judging.order.filter { $0 != to }.map(\.value).joined(separator: ", "))")
      ]
    }
    if placement == nil, record.placements.count >= FederationLimits.placedNamespaces {
      return [
        finding(
          "placements", "Lease/\(ActivationRecord.name(cluster: record.cluster))",
          "\(record.placements.count) namespaces are placed apart from the rest", "at most \(FederationLimits.placedNamespaces)",
          "bring one home first, or move the whole cluster")
      ]
    }
    return []
  }
}
