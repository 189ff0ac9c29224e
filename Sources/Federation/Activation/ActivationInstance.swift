import Primitives

/// One center's part in deciding who is active, as a value: it renews while its center is active, and takes over when the
/// active center's lease has run out and the policy allows it. Every host of a center runs one; they need no leader among them,
/// since every write names the version that it replaces.
public struct ActivationInstance: Sendable {
  public struct Configuration: Sendable {
    public var cluster: String
    public var center: CenterName
    public var order: [CenterName]
    public var automaticTo: [CenterName]
    public var lease: Duration
    public var renewEvery: Duration
    public var margin: Duration
    /// Keeps the hosts of a center apart: the n-th waits n × 50 ms longer before it writes.
    public var hostIndex: Int

    public init(
      cluster: String, center: CenterName, order: [CenterName], automaticTo: [CenterName], lease: Duration, renewEvery: Duration,
      margin: Duration, hostIndex: Int
    ) {
      self.cluster = cluster
      self.center = center
      self.order = order
      self.automaticTo = automaticTo
      self.lease = lease
      self.renewEvery = renewEvery
      self.margin = margin
      self.hostIndex = hostIndex
    }
  }

  public enum Directive: Hashable, Sendable {
    /// Write this record; on top of its resourceVersion, or as a new object if it has none.
    case write(ActivationRecord, Purpose)
    /// For the log and the metrics, once per reason.
    case refused(String)
  }
  public enum Purpose: Hashable, Sendable {
    case create, renew
    /// The record was deleted: one that makes nobody active takes its place, so that everybody counts the lease from it.
    case restore
    /// Gives way: nobody of this center acts from here on.
    case yield(to: CenterName)
    /// Everybody of this center has stopped: the target need not wait.
    case release(to: CenterName)
    /// From another center; or from itself, when the target of a handover did not come.
    case takeOver(from: CenterName)
    /// A namespace gives way: nobody runs its exclusive pods from here on.
    case yieldNamespace(NamespacePlacement)
    /// Nobody can run a namespace's exclusive pods any more where they were: its target has it.
    case placeNamespace(NamespacePlacement)
  }

  /// A namespace that is to be moved.
  public struct Evacuation: Hashable, Sendable {
    public var namespace: String
    public var to: CenterName
    public var failover: String?
    public init(namespace: String, to: CenterName, failover: String? = nil) {
      self.namespace = namespace
      self.to = to
      self.failover = failover
    }
  }

  /// What a handover looks at besides the record.
  public struct Surroundings: Sendable {
    /// Where people want the cluster moved.
    public var plannedTo: CenterName?
    /// The Failover by which they ask.
    public var plannedBy: String?
    /// What stands against that center's taking over: then nothing is given up.
    public var plannedObstacles: [String]
    /// Every process of this center that could act has confirmed that it stopped for the record's epoch.
    public var everybodyStopped: Bool
    /// The newest epoch that anything stored tells of besides the record; nil: not known yet. Asked for when there is no record.
    public var epochFloor: Int64?
    /// Centers that may take over without being asked; nil: those of the configuration.
    public var automaticTo: [CenterName]?
    /// How long the active center must have been silent before a center takes over that nobody asked for; the lease if that is longer.
    public var automaticSilence: Duration = .zero
    /// Namespaces that are to be moved now; nothing stands against it.
    public var evacuations: [Evacuation] = []
    /// Placements that give way, by their token, of which every host of their center has confirmed that it stopped.
    public var stoppedPlacements: Set<UInt64> = []
    public init(
      plannedTo: CenterName? = nil, plannedBy: String? = nil, plannedObstacles: [String] = [], everybodyStopped: Bool = false,
      epochFloor: Int64? = 0
    ) {
      self.plannedTo = plannedTo
      self.plannedBy = plannedBy
      self.plannedObstacles = plannedObstacles
      self.everybodyStopped = everybodyStopped
      self.epochFloor = epochFloor
    }
  }

  public let configuration: Configuration
  public private(set) var view: ActivationView
  /// The write that has not been answered yet.
  private var writing: Bool = false
  private var lastWriteBegan: MonotonicTime?
  /// The last version that this instance wrote, as far as it was told, and when it began to.
  private var lastWritten: (version: UInt64, began: MonotonicTime)?
  private var absentSince: MonotonicTime?
  /// When this process heard that the store went on without its lost majority: renewals may have been made until then that nobody here
  /// saw, so no count of a lease begins before.
  private var recoveredAt: MonotonicTime?
  /// Of all records ever seen: a new epoch is above it, whatever became of the record.
  private var highestEpoch: Int64 = 0
  private var lastRefusal: String = ""
  /// When this process heard of each placement that gives way, by its token: what the lease is counted from.
  private var yieldsSeenAt: [UInt64: MonotonicTime] = [:]

  public init(_ configuration: Configuration) {
    precondition(configuration.lease > configuration.margin + configuration.renewEvery * 2, "the lease must outlast renewals and margin")
    self.configuration = configuration
    view = ActivationView(margin: configuration.margin)
  }

  public mutating func onRead(_ record: ActivationRecord?, began: MonotonicTime, finished: MonotonicTime) {
    guard let record else {
      // An absence that was asked for before a record was heard of is older than the record.
      if began >= view.versionSeenAt ?? began { absentSince = absentSince ?? finished }
      return
    }
    learn(record, at: finished)
    view.onRead(record, began: began, finished: finished)
  }

  public mutating func onWatched(_ record: ActivationRecord, at time: MonotonicTime) {
    learn(record, at: time)
    view.onWatched(record, at: time)
  }

  private mutating func learn(_ record: ActivationRecord, at time: MonotonicTime) {
    absentSince = nil
    highestEpoch = max(highestEpoch, record.epoch)
    guard record.version >= view.record?.version ?? 0, !yieldsSeenAt.isEmpty || !record.placements.isEmpty else { return }
    let yielding: [UInt64] = record.placements.filter { $0.yieldsTo != nil }.map(\.token)
    yieldsSeenAt = Dictionary(yielding.map { ($0, yieldsSeenAt[$0] ?? time) }, uniquingKeysWith: { min($0, $1) })
  }

  /// The store was recovered from the loss of its majority. What was read before it says nothing of what the lost side wrote until then.
  public mutating func onRecovered(at time: MonotonicTime) {
    recoveredAt = max(recoveredAt ?? time, time)
    if absentSince != nil { absentSince = time }
    lastRefusal = ""
  }

  /// From when on the lease of the newest version is counted here; after a recovery, `margin` more than the recovery's own time.
  private var countedFrom: MonotonicTime? {
    guard let counted: MonotonicTime = view.countedFrom, let recoveredAt else { return view.countedFrom }
    return max(counted, recoveredAt + configuration.margin)
  }

  /// The last read found no record.
  public var isAbsent: Bool { absentSince != nil }

  /// Until then `onTick` has nothing to say, unless something is found or people ask for something.
  public func quietUntil(_ now: MonotonicTime) -> MonotonicTime {
    guard absentSince == nil, let record: ActivationRecord = view.record, let seenAt: MonotonicTime = view.versionSeenAt,
      let counted: MonotonicTime = countedFrom, record.handover == nil
    else { return now }
    if record.center == configuration.center, record.placements.contains(where: { $0.yieldsTo != nil }) { return now }
    guard record.center == configuration.center else { return counted + record.lease }
    return max(seenAt, lastWriteBegan ?? seenAt) + configuration.renewEvery + .milliseconds(50) * configuration.hostIndex
  }

  /// The answer to a `write` that was sent at `began`: the record as stored, or nil if it was refused or is unknown.
  public mutating func onWritten(_ record: ActivationRecord?, began: MonotonicTime, finished: MonotonicTime) {
    writing = false
    guard let record else { return }
    lastWritten = (record.version, began)
    learn(record, at: finished)
    view.onRead(record, began: began, finished: finished)
  }

  /// `obstacles`: what stands against this center's taking over now (capacity, a switch that a person set), in sentences.
  public mutating func onTick(
    _ now: MonotonicTime, _ surroundings: Surroundings = Surroundings(), obstacles: @autoclosure () -> [String]
  ) -> [Directive] {
    guard !writing else { return [] }
    let patience: Duration = .milliseconds(50) * configuration.hostIndex
    if let absentSince { return onAbsence(since: absentSince, patience: patience, now, epochFloor: surroundings.epochFloor) }
    guard let record: ActivationRecord = view.record, let seenAt: MonotonicTime = view.versionSeenAt,
      let counted: MonotonicTime = countedFrom
    else { return [] }
    guard record.center == configuration.center else {
      return takeOver(from: record, seenAt: counted, patience: patience, now, surroundings, obstacles)
    }
    if let handover: ActivationRecord.Handover = record.handover {
      return giveWay(record, handover, seenAt: counted, patience: patience, now, surroundings)
    }
    if let plannedTo: CenterName = surroundings.plannedTo, plannedTo != configuration.center {
      if surroundings.plannedObstacles.isEmpty, now >= seenAt + patience {
        var yielding: ActivationRecord = record
        yielding.handover = .init(to: plannedTo, failover: surroundings.plannedBy)
        return write(yielding, .yield(to: plannedTo), now)
      }
      if !surroundings.plannedObstacles.isEmpty {
        let told: [Directive] = refuse("\(plannedTo) cannot take over: " + surroundings.plannedObstacles.joined(separator: "; "))
        return told.isEmpty ? renew(record, seenAt: seenAt, patience: patience, now) : told
      }
    }
    if now >= seenAt + patience, let (moved, purpose) = placement(record, now, surroundings) { return write(moved, purpose, now) }
    return renew(record, seenAt: seenAt, patience: patience, now)
  }

  /// There is no record. The very first one makes the first center active. One that was deleted is not made up for by a renewal: nobody
  /// acts under what takes its place, and from there on it is a handover of the center to itself.
  private mutating func onAbsence(
    since: MonotonicTime, patience: Duration, _ now: MonotonicTime, epochFloor: Int64?
  ) -> [Directive] {
    guard let epochFloor, let home: CenterName = view.record?.center ?? configuration.order.first else { return [] }
    if let lastWriteBegan, now < lastWriteBegan + configuration.renewEvery { return [] }
    let known: Int64 = max(highestEpoch, epochFloor)
    let isHome: Bool = home == configuration.center
    guard now >= since + patience + (isHome ? .zero : configuration.lease), isHome || known > 0 else { return [] }
    var first = ActivationRecord(cluster: configuration.cluster, center: home, epoch: known + 1, lease: configuration.lease)
    guard known > 0 else { return write(first, .create, now) }
    first.previous = home
    first.handover = .init(to: home)
    return write(first, .restore, now)
  }

  private mutating func renew(
    _ record: ActivationRecord, seenAt: MonotonicTime, patience: Duration, _ now: MonotonicTime
  ) -> [Directive] {
    let due: MonotonicTime = max(seenAt, lastWriteBegan ?? seenAt) + configuration.renewEvery + patience
    guard now >= due else { return [] }
    var renewed: ActivationRecord = record
    renewed.renewal = lastWritten.flatMap { written in
      // Cut down to what both sides read. A long one would ask more of the clocks than the margin gives.
      let after = Duration.milliseconds((now - written.began).inNanoseconds / 1_000_000)
      return written.version == record.version && after <= record.lease / 2 ? .init(of: written.version, after: after) : nil
    }
    return write(renewed, .renew, now)
  }

  /// One namespace a write: first those whose old center has stopped, then those that are to give way. Only the active center moves
  /// namespaces, whoever has them: on top of its own version, so that no other center has taken over meanwhile.
  private func placement(
    _ record: ActivationRecord, _ now: MonotonicTime, _ surroundings: Surroundings
  ) -> (ActivationRecord, Purpose)? {
    for placement in record.placements where placement.yieldsTo != nil {
      guard let seenAt: MonotonicTime = yieldsSeenAt[placement.token] else { continue }
      let counted: MonotonicTime = recoveredAt.map { max(seenAt, $0 + configuration.margin) } ?? seenAt
      guard surroundings.stoppedPlacements.contains(placement.token) || now >= counted + record.lease else { continue }
      return (record.placing(placement), .placeNamespace(placement))
    }
    for wanted in surroundings.evacuations where configuration.order.contains(wanted.to) {
      let known: NamespacePlacement? = record.placement(of: wanted.namespace)
      guard known?.yieldsTo == nil, (known?.center ?? record.center) != wanted.to else { continue }
      guard known != nil || record.placements.count < FederationLimits.placedNamespaces else { continue }
      let moved: ActivationRecord = record.yielding(wanted.namespace, to: wanted.to, failover: wanted.failover)
      guard let yielding: NamespacePlacement = moved.placement(of: wanted.namespace) else { continue }
      return (moved, .yieldNamespace(yielding))
    }
    return nil
  }

  /// This center gave way. It releases once everybody has stopped; without that the target waits for the lease. A target that does not
  /// come within two leases gets no third: this center is active again, under an epoch of its own. After a deletion it is its own target,
  /// and nothing releases it from the lease: who acted under a record that is gone cannot be known.
  private mutating func giveWay(
    _ record: ActivationRecord, _ handover: ActivationRecord.Handover, seenAt: MonotonicTime, patience: Duration, _ now: MonotonicTime,
    _ surroundings: Surroundings
  ) -> [Directive] {
    let isOwnTarget: Bool = handover.to == configuration.center
    if !handover.released, !isOwnTarget, surroundings.everybodyStopped, now >= seenAt + patience {
      var released: ActivationRecord = record
      released.handover?.released = true
      return write(released, .release(to: handover.to), now)
    }
    let until: MonotonicTime = seenAt + record.lease * (isOwnTarget ? 1 : 2)
    guard now >= until + patience, let readBegan: MonotonicTime = view.lastReadBegan, readBegan >= until else { return [] }
    return write(successor(of: record, failover: nil), .takeOver(from: record.center), now)
  }

  private func successor(of record: ActivationRecord, failover: String?) -> ActivationRecord {
    var next: ActivationRecord = record
    next.center = configuration.center
    next.epoch = max(record.epoch, highestEpoch) + 1
    next.failover = failover
    next.lease = configuration.lease
    next.previous = record.center
    next.handover = nil
    next.placements = record.placements(under: configuration.center)
    return next
  }

  private mutating func takeOver(
    from record: ActivationRecord, seenAt: MonotonicTime, patience: Duration, _ now: MonotonicTime, _ surroundings: Surroundings,
    _ obstacles: () -> [String]
  ) -> [Directive] {
    let target: CenterName? = record.handover?.to ?? surroundings.plannedTo
    let isTarget: Bool = target == configuration.center
    // A release says that the other side has stopped already; nothing is left to be waited for.
    // Whoever was not asked leaves two leases to the target, and to the center that gave way.
    let wait: Duration =
      isTarget && record.handover?.released == true
      ? .zero : isTarget ? record.lease : max(target == nil ? record.lease : record.lease * 3, surroundings.automaticSilence)
    func isOver(_ wait: Duration) -> Bool {
      // A lease that ran out while nothing could be read proves nothing of the active center; the next read may show a renewal.
      now >= seenAt + wait + patience && (wait == .zero || (view.lastReadBegan ?? seenAt) >= seenAt + wait)
    }
    guard isOver(wait) else {
      if record.handover == nil, !isTarget, let target, isOver(record.lease) {
        return refuse("\(record.center) is silent, and \(target) is asked to take over: two more leases are left to it")
      }
      if now < seenAt + record.lease { lastRefusal = "" }
      return []
    }
    let isAsked: Bool = isTarget || surroundings.plannedTo == configuration.center
    let automaticTo: [CenterName] = surroundings.automaticTo ?? configuration.automaticTo
    guard isAsked || automaticTo.contains(configuration.center), configuration.order.contains(configuration.center) else {
      return refuse("\(record.center) is silent, and \(configuration.center) takes over only by a person's decision")
    }
    let against: [String] = obstacles()
    guard against.isEmpty else { return refuse("\(record.center) is silent, but: " + against.joined(separator: "; ")) }
    let asker: String? = isTarget && record.handover != nil ? record.handover?.failover : isAsked ? surroundings.plannedBy : nil
    return write(successor(of: record, failover: asker), .takeOver(from: record.center), now)
  }

  private mutating func write(_ record: ActivationRecord, _ purpose: Purpose, _ now: MonotonicTime) -> [Directive] {
    writing = true
    lastWriteBegan = now
    var record: ActivationRecord = record
    if purpose != .renew { record.renewal = nil }
    return [.write(record, purpose)]
  }

  private mutating func refuse(_ reason: String) -> [Directive] {
    guard reason != lastRefusal else { return [] }
    lastRefusal = reason
    return [.refused(reason)]
  }
}
