import Primitives

/// What one process knows of the activation, and until when it may act on it. Pure: fed with finished reads.
///
/// The proof sketch stands in the module's README. In short: a read that began at `t` and still saw a version older than `v` shows that `v`
/// was committed after `t`. Whoever wants to take over counts the lease from the moment at which it received `v`, which is later. So
/// `t + lease` is safe, whatever the wall clocks say. Where `v` renews `u` and was sent `d` after it, the same holds of `u` and
/// `lease + d`; each side goes by the earlier of the two, so that a renewal which a dead leader's successor commits an election later
/// puts nothing off.
public struct ActivationView: Hashable, Sendable {
  /// What the last read found; nil before the first.
  public private(set) var record: ActivationRecord?
  /// When the last successful read began.
  public private(set) var lastReadBegan: MonotonicTime?
  /// When this process first saw `record`'s version.
  public private(set) var versionSeenAt: MonotonicTime?
  /// What a survivor counts the lease from: `versionSeenAt`; where `record` renews the version seen before, that one's time and what lay
  /// between the two writes, if that is earlier.
  public private(set) var countedFrom: MonotonicTime?
  /// When the last read began that saw a version older than `record`'s; nil: none ever did.
  private var olderReadBegan: MonotonicTime?
  /// `record.center` may act until then; nil while no renewal has been witnessed.
  public private(set) var validUntil: MonotonicTime?
  /// By namespace: the newest read that itself showed its placement as it stands, and when it began.
  private var placementReads: [String: PlacementRead] = [:]
  private struct PlacementRead: Hashable, Sendable {
    var token: UInt64
    var began: MonotonicTime
  }
  private let margin: Duration

  /// `margin`: what is left unused of the lease for clocks that run at different rates and for the time that stopping takes.
  public init(margin: Duration) { self.margin = margin }

  /// A linearizable read that began at `began` and whose answer was there at `finished`.
  public mutating func onRead(_ found: ActivationRecord, began: MonotonicTime, finished: MonotonicTime) {
    learn(found, at: finished)
    lastReadBegan = max(lastReadBegan ?? began, began)
    notePlacements(found, began: began)
  }

  private mutating func notePlacements(_ found: ActivationRecord, began: MonotonicTime) {
    guard !placementReads.isEmpty || !found.placements.isEmpty else { return }
    var reads: [String: PlacementRead] = [:]
    for placement in record?.placements ?? [] where placement.yieldsTo == nil {
      let known: PlacementRead? = placementReads[placement.namespace].flatMap { $0.token == placement.token ? $0 : nil }
      // An answer that a newer version has overtaken counts from when it began, too, as long as the placement is still the same.
      let isShown: Bool = found.placement(of: placement.namespace) == placement
      guard let newest: MonotonicTime = isShown ? max(known?.began ?? began, began) : known?.began else { continue }
      reads[placement.namespace] = PlacementRead(token: placement.token, began: newest)
    }
    placementReads = reads
  }

  /// A version that a watch told of: it is committed by now, and newer ones may be. It says nothing of reads.
  public mutating func onWatched(_ found: ActivationRecord, at time: MonotonicTime) { learn(found, at: time) }

  private mutating func learn(_ found: ActivationRecord, at time: MonotonicTime) {
    // Nothing new, or an answer that was overtaken by a later one. Taking the older version for news would make the newer one look
    // freshly written when it is seen again.
    if let record, found.version <= record.version { return }
    let sameActivation: Bool = record?.epoch == found.epoch
    var proof: MonotonicTime? = lastReadBegan
    countedFrom = time
    if sameActivation, let renewal: ActivationRecord.Renewal = found.renewal, let record, let seenAt: MonotonicTime = versionSeenAt {
      if renewal.of == record.version {
        proof = olderReadBegan.flatMap { older in lastReadBegan.map { min($0, older + renewal.after) } }
        countedFrom = min(time, seenAt + renewal.after)
      } else if renewal.of < record.version {
        // Somebody wrote it by hand, on top of another version than it names: it prolongs nothing.
        proof = nil
      }
      // Else the version that it renews was not seen here: every read so far saw an older one than that.
    }
    olderReadBegan = lastReadBegan
    record = found
    versionSeenAt = time
    // The center gives way: nothing that it renewed before counts any more.
    if found.handover != nil {
      validUntil = nil
      return
    }
    guard let proof else {
      // No read has ever shown an older version: this one may have been written long ago and proves nothing.
      if !sameActivation { validUntil = nil }
      return
    }
    let until: MonotonicTime = proof + found.lease - margin
    validUntil = sameActivation ? max(validUntil ?? until, until) : until
  }

  /// What `center` may do with the exclusive pods of a namespace.
  public enum Claim: Hashable, Sendable {
    /// As with those of all namespaces that the record does not name.
    case general
    case allowed(until: MonotonicTime)
    case denied(reason: String)
    /// The record names this center, and no read has shown so yet.
    case unproven
  }

  /// A namespace that is placed in `center` is its own for `lease - margin` from when a read began that showed so: whoever takes it away
  /// writes that first, and lets a whole lease pass, or hears from every host that it has stopped, before another center has it.
  public func claim(of center: CenterName, on namespace: String) -> Claim {
    guard let record, let placement: NamespacePlacement = record.placement(of: namespace) else { return .general }
    if let target: CenterName = placement.yieldsTo { return .denied(reason: "\(namespace) is being moved to \(target)") }
    guard placement.center == center else { return .denied(reason: "\(namespace) is placed in \(placement.center)") }
    guard let read: PlacementRead = placementReads[namespace], read.token == placement.token else { return .unproven }
    return .allowed(until: read.began + record.lease - margin)
  }

  /// Whether hosts of `center` may run the namespace's exclusive pods now.
  public func mayRun(_ center: CenterName, namespace: String, at now: MonotonicTime) -> Bool {
    switch claim(of: center, on: namespace) {
    case .general: isActive(center, at: now)
    case .allowed(let until): now < until
    case .denied, .unproven: false
    }
  }

  /// Whether the center may act as the active one.
  public func isActive(_ center: CenterName, at now: MonotonicTime) -> Bool {
    guard record?.center == center, let validUntil else { return false }
    return now < validUntil
  }
}
