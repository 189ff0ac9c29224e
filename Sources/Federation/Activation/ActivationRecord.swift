import KubeModel
import Primitives

/// The record that says which center is active: a coordination.k8s.io Lease, so that everybody who may read leases can see it. Every
/// renewal is a new resourceVersion, and every change is made on top of the version that its writer saw: two writers never both win.
public struct ActivationRecord: Hashable, Sendable {
  public static let namespace = "tricenter-system"
  public static let leaseMillisecondsAnnotation = "federation.tricenter.io/lease-milliseconds"
  public static let previousAnnotation = "federation.tricenter.io/previous-center"

  /// The active center gives way: from this version on none of its processes may act, and nobody ever takes that back within the epoch.
  public struct Handover: Hashable, Sendable {
    public var to: CenterName
    /// Every process of the center has confirmed that it stopped: `to` need not wait for the lease.
    public var released: Bool
    /// The Failover object that asks for it.
    public var failover: String?
    public init(to: CenterName, released: Bool = false, failover: String? = nil) {
      self.to = to
      self.released = released
      self.failover = failover
    }
  }

  /// What a renewal renews, and how long after that its write began. Both sides may count the lease from there (`ActivationView`).
  public struct Renewal: Hashable, Sendable {
    public var of: UInt64
    /// Whole milliseconds.
    public var after: Duration
    public init(of: UInt64, after: Duration) {
      self.of = of
      self.after = after
    }
  }

  public static let yieldsToAnnotation = "federation.tricenter.io/yields-to"
  public static let releasedAnnotation = "federation.tricenter.io/released"
  public static let yieldsForAnnotation = "federation.tricenter.io/yields-for"
  public static let renewsAnnotation = "federation.tricenter.io/renews"
  public static let renewsAfterAnnotation = "federation.tricenter.io/renews-after-milliseconds"
  public static let failoverAnnotation = "federation.tricenter.io/failover"

  public var cluster: String
  public var center: CenterName
  public var epoch: Int64
  public var lease: Duration
  /// Empty before the record was written.
  public var resourceVersion: String
  /// The center that was active before this epoch.
  public var previous: CenterName?
  /// The planned Failover that brought this epoch about.
  public var failover: String?
  public var handover: Handover?
  /// Namespaces whose exclusive pods are not the active center's.
  public var placements: [NamespacePlacement]
  /// Where this version only renews one that its writer wrote itself.
  public var renewal: Renewal?

  public init(
    cluster: String, center: CenterName, epoch: Int64, lease: Duration, resourceVersion: String = "", previous: CenterName? = nil,
    failover: String? = nil, handover: Handover? = nil, placements: [NamespacePlacement] = [], renewal: Renewal? = nil
  ) {
    self.renewal = renewal
    self.cluster = cluster
    self.center = center
    self.epoch = epoch
    self.lease = lease
    self.resourceVersion = resourceVersion
    self.previous = previous
    self.failover = failover
    self.handover = handover
    self.placements = placements
  }

  /// The center, or a namespace, is on its way to another one.
  var isMoving: Bool { handover != nil || placements.contains { $0.yieldsTo != nil } }

  /// The resourceVersion as a number: later writes have larger ones (Kubernetes API concepts, "resource versions", comparable since 1.35).
  public var version: UInt64 { UInt64(resourceVersion) ?? 0 }

  public static func name(cluster: String) -> String { "activation-\(cluster)" }

  /// Throws `.malformedRecord`: a record that cannot be understood must never look like one that says "nobody is active".
  public init(_ object: KubeObject) throws {
    let name: String = object.name
    guard name.hasPrefix("activation-"), let holder: String = object.spec["holderIdentity"].string, !holder.isEmpty,
      let epoch: Int64 = object.spec["leaseTransitions"].int, epoch > 0, UInt64(object.resourceVersion) != nil,
      let milliseconds: Int64 = object.annotations[Self.leaseMillisecondsAnnotation].flatMap({ Int64($0) }), milliseconds > 0,
      let placements: [NamespacePlacement] = object.annotations[NamespacePlacement.annotation].map({ NamespacePlacement.parse($0) }) ?? []
    else {
      throw FederationError(
        .malformedRecord,
        "The lease \(Self.namespace)/\(name) is no activation record: it needs holderIdentity, leaseTransitions above 0 and the annotation "
          + "\(Self.leaseMillisecondsAnnotation); \(NamespacePlacement.annotation), if it is there, must hold what the federation writes.")
    }
    self.init(
      cluster: String(name.dropFirst("activation-".count)), center: CenterName(holder), epoch: epoch, lease: .milliseconds(milliseconds),
      resourceVersion: object.resourceVersion, previous: object.annotations[Self.previousAnnotation].map { CenterName($0) },
      failover: object.annotations[Self.failoverAnnotation],
      handover: object.annotations[Self.yieldsToAnnotation].map { to in
        Handover(
          to: CenterName(to), released: object.annotations[Self.releasedAnnotation] == "true",
          failover: object.annotations[Self.yieldsForAnnotation])
      }, placements: placements, renewal: Self.renewal(object))
  }

  private static func renewal(_ object: KubeObject) -> Renewal? {
    guard let of: UInt64 = object.annotations[renewsAnnotation].flatMap({ UInt64($0) }),
      let after: Int64 = object.annotations[renewsAfterAnnotation].flatMap({ Int64($0) }), after >= 0
    else { return nil }
    return Renewal(of: of, after: .milliseconds(after))
  }

  /// The object to write. With a resourceVersion it is written only on top of that version.
  public func object(now: WallTime) -> KubeObject {
    let milliseconds: Int64 = lease.inNanoseconds / 1_000_000
    var object = KubeObject([
      "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
      "metadata": [
        "name": .string(Self.name(cluster: cluster)), "namespace": .string(Self.namespace),
        "annotations": [Self.leaseMillisecondsAnnotation: .string(String(milliseconds))],
      ],
      "spec": [
        "holderIdentity": .string(center.value), "leaseTransitions": .int(epoch), "renewTime": .string(now.rfc3339Micro),
        "leaseDurationSeconds": .int(max(1, (milliseconds + 999) / 1_000)),
      ],
    ])
    if !resourceVersion.isEmpty { object.json["metadata"]["resourceVersion"] = .string(resourceVersion) }
    if let previous { object.json["metadata"]["annotations"][Self.previousAnnotation] = .string(previous.value) }
    if let renewal {
      object.json["metadata"]["annotations"][Self.renewsAnnotation] = .string(String(renewal.of))
      object.json["metadata"]["annotations"][Self.renewsAfterAnnotation] = .string(String(renewal.after.inNanoseconds / 1_000_000))
    }
    if let failover { object.json["metadata"]["annotations"][Self.failoverAnnotation] = .string(failover) }
    if !placements.isEmpty {
      object.json["metadata"]["annotations"][NamespacePlacement.annotation] = .string(NamespacePlacement.text(placements))
    }
    if let handover {
      object.json["metadata"]["annotations"][Self.yieldsToAnnotation] = .string(handover.to.value)
      if handover.released { object.json["metadata"]["annotations"][Self.releasedAnnotation] = "true" }
      if let asker: String = handover.failover { object.json["metadata"]["annotations"][Self.yieldsForAnnotation] = .string(asker) }
    }
    return object
  }
}
