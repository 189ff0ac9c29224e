import KubeModel
import Primitives

/// A namespace whose exclusive pods run elsewhere than the rest of the cluster's, or are about to. It stands in the activation record: one
/// linearizable history for all centers, so that whoever reads a version knows of every namespace whose it is.
public struct NamespacePlacement: Hashable, Sendable {
  public var namespace: String
  /// Whose hosts run the namespace's exclusive pods; with `yieldsTo`, whose hosts may not have stopped yet.
  public var center: CenterName
  /// The resourceVersion on top of which this state was written: never the same for two of them, whatever became of the record. What hosts
  /// confirm, they confirm of it.
  public var token: UInt64
  /// It gives way to that center: from the version on that says so, nobody may run the namespace's exclusive pods.
  public var yieldsTo: CenterName?
  /// The Failover object that asks for it, or asked.
  public var failover: String?

  public init(namespace: String, center: CenterName, token: UInt64, yieldsTo: CenterName? = nil, failover: String? = nil) {
    self.namespace = namespace
    self.center = center
    self.token = token
    self.yieldsTo = yieldsTo
    self.failover = failover
  }

  /// On the record: `NAMESPACE=CENTER@TOKEN[>CENTER][/FAILOVER]`, joined by commas. Names are DNS labels and subdomains and hold none of
  /// these signs.
  static let annotation = "federation.tricenter.io/namespaces"

  static func text(_ all: [NamespacePlacement]) -> String {
    all.sorted { $0.namespace < $1.namespace }.map { placement in
      "\(placement.namespace)=\(placement.center)@\(placement.token)" + (placement.yieldsTo.map { ">\($0)" } ?? "")
        + (placement.failover.map { "/\($0)" } ?? "")
    }.joined(separator: ",")
  }

  /// Nil: it cannot be understood, and must not look like one that places nothing.
  static func parse(_ text: String) -> [NamespacePlacement]? {
    var found: [NamespacePlacement] = []
    for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
      let asked: [Substring] = entry.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      let moved: [Substring] = asked[0].split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
      let placed: [Substring] = moved[0].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      let named: [Substring] = placed[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard placed.count == 2, named.count == 2, let token = UInt64(placed[1]),
        (named + moved.dropFirst() + asked.dropFirst()).allSatisfy({ !$0.isEmpty }), !found.contains(where: { $0.namespace == named[0] })
      else { return nil }
      found.append(
        NamespacePlacement(
          namespace: String(named[0]), center: CenterName(String(named[1])), token: token,
          yieldsTo: moved.count == 2 ? CenterName(String(moved[1])) : nil, failover: asked.count == 2 ? String(asked[1]) : nil))
    }
    return found.count <= FederationLimits.placedNamespaces ? found : nil
  }

  /// Namespaces that belong to the cluster's own parts, which run in every center.
  public static let unmovable: Set<String> = ["kube-system", "kube-public", "kube-node-lease", ActivationRecord.namespace]
}

extension ActivationRecord {
  public func placement(of namespace: String) -> NamespacePlacement? { placements.first { $0.namespace == namespace } }

  /// The center whose hosts may run the namespace's exclusive pods under this version; nil while it is being moved, or the cluster is.
  public func home(of namespace: String) -> CenterName? {
    guard let placement: NamespacePlacement = placement(of: namespace) else { return handover == nil ? center : nil }
    return placement.yieldsTo == nil ? placement.center : nil
  }

  /// For people and load balancers: where each namespace runs that is placed apart, nothing while it is being moved.
  public var placementsJSON: JSONValue {
    var json: JSONValue = [:]
    for placement in placements { json[placement.namespace] = .string(home(of: placement.namespace)?.value ?? "") }
    return json
  }

  /// Begins to move a namespace: from this version on nobody runs its exclusive pods.
  func yielding(_ namespace: String, to target: CenterName, failover: String?) -> ActivationRecord {
    var next: ActivationRecord = self
    next.placements.removeAll { $0.namespace == namespace }
    next.placements.append(
      NamespacePlacement(
        namespace: namespace, center: placement(of: namespace)?.center ?? center, token: version, yieldsTo: target, failover: failover))
    return next
  }

  /// Everybody of the center that gave way has stopped. A namespace that comes to the active center is like all others from then on.
  func placing(_ placement: NamespacePlacement) -> ActivationRecord {
    var next: ActivationRecord = self
    next.placements.removeAll { $0.namespace == placement.namespace }
    if let target: CenterName = placement.yieldsTo, target != center {
      next.placements.append(
        NamespacePlacement(namespace: placement.namespace, center: target, token: version, failover: placement.failover))
    }
    return next
  }

  /// What becomes of the namespaces when `successor` takes the cluster over from `center`, all of whose hosts have stopped. What is at the
  /// successor already, or was still the old center's, is like all others from then on. What leaves a third center goes on leaving it, and
  /// comes to the successor if it was to come to one of the two: the third center's hosts may not have stopped yet.
  func placements(under successor: CenterName) -> [NamespacePlacement] {
    placements.compactMap { placement in
      guard placement.center != successor, placement.center != center else { return nil }
      guard placement.yieldsTo == center else { return placement }
      var next: NamespacePlacement = placement
      next.yieldsTo = successor
      return next
    }
  }
}
