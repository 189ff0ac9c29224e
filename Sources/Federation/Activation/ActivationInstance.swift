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
    /// Gives way: nobody of this center acts from here on.
    case yield(to: CenterName)
    /// Everybody of this center has stopped: the target need not wait.
    case release(to: CenterName)
    /// From another center; or from itself, when the target of a handover did not come.
    case takeOver(from: CenterName)
  }

  /// What a handover looks at besides the record.
  public struct Surroundings: Sendable {
    /// Where people want the cluster moved.
    public var plannedTo: CenterName?
    /// What stands against that center's taking over: then nothing is given up.
    public var plannedObstacles: [String]
    /// Every process of this center that could act has confirmed that it stopped for the record's epoch.
    public var everybodyStopped: Bool
    public init(plannedTo: CenterName? = nil, plannedObstacles: [String] = [], everybodyStopped: Bool = false) {
      self.plannedTo = plannedTo
      self.plannedObstacles = plannedObstacles
      self.everybodyStopped = everybodyStopped
    }
  }

  public let configuration: Configuration
  public private(set) var view: ActivationView
  /// The write that has not been answered yet.
  private var writing: Bool = false
  private var lastWriteBegan: MonotonicTime?
  private var absentSince: MonotonicTime?
  private var lastRefusal: String = ""

  public init(_ configuration: Configuration) {
    precondition(configuration.lease > configuration.margin + configuration.renewEvery * 2, "the lease must outlast renewals and margin")
    self.configuration = configuration
    view = ActivationView(margin: configuration.margin)
  }

  public mutating func onRead(_ record: ActivationRecord?, began: MonotonicTime, finished: MonotonicTime) {
    guard let record else {
      absentSince = absentSince ?? finished
      return
    }
    absentSince = nil
    view.onRead(record, began: began, finished: finished)
  }

  public mutating func onWatched(_ record: ActivationRecord, at time: MonotonicTime) {
    absentSince = nil
    view.onWatched(record, at: time)
  }

  /// Until then `onTick` has nothing to say, unless something is found or people ask for something.
  public func quietUntil(_ now: MonotonicTime) -> MonotonicTime {
    guard let record: ActivationRecord = view.record, let seenAt: MonotonicTime = view.versionSeenAt, record.handover == nil else {
      return now
    }
    guard record.center == configuration.center else { return seenAt + record.lease }
    return max(seenAt, lastWriteBegan ?? seenAt) + configuration.renewEvery + .milliseconds(50) * configuration.hostIndex
  }

  /// The answer to a `write` that was sent at `began`: the record as stored, or nil if it was refused or is unknown.
  public mutating func onWritten(_ record: ActivationRecord?, began: MonotonicTime, finished: MonotonicTime) {
    writing = false
    if let record { view.onRead(record, began: began, finished: finished) }
  }

  /// `obstacles`: what stands against this center's taking over now (capacity, a switch that a person set), in sentences.
  public mutating func onTick(
    _ now: MonotonicTime, _ surroundings: Surroundings = Surroundings(), obstacles: @autoclosure () -> [String]
  ) -> [Directive] {
    guard !writing else { return [] }
    let patience: Duration = .milliseconds(50) * configuration.hostIndex
    guard let record: ActivationRecord = view.record, let seenAt: MonotonicTime = view.versionSeenAt else {
      guard let absentSince, now >= absentSince + patience, configuration.order.first == configuration.center else { return [] }
      let first = ActivationRecord(cluster: configuration.cluster, center: configuration.center, epoch: 1, lease: configuration.lease)
      return write(first, .create, now)
    }
    guard record.center == configuration.center else {
      return takeOver(from: record, seenAt: seenAt, patience: patience, now, surroundings.plannedTo, obstacles)
    }
    if let handover: ActivationRecord.Handover = record.handover {
      return giveWay(record, handover, seenAt: seenAt, patience: patience, now, surroundings)
    }
    if let plannedTo: CenterName = surroundings.plannedTo, plannedTo != configuration.center {
      if surroundings.plannedObstacles.isEmpty, now >= seenAt + patience {
        var yielding: ActivationRecord = record
        yielding.handover = .init(to: plannedTo)
        return write(yielding, .yield(to: plannedTo), now)
      }
      if !surroundings.plannedObstacles.isEmpty {
        let told: [Directive] = refuse("\(plannedTo) cannot take over: " + surroundings.plannedObstacles.joined(separator: "; "))
        return told.isEmpty ? renew(record, seenAt: seenAt, patience: patience, now) : told
      }
    }
    return renew(record, seenAt: seenAt, patience: patience, now)
  }

  private mutating func renew(
    _ record: ActivationRecord, seenAt: MonotonicTime, patience: Duration, _ now: MonotonicTime
  ) -> [Directive] {
    let due: MonotonicTime = max(seenAt, lastWriteBegan ?? seenAt) + configuration.renewEvery + patience
    return now >= due ? write(record, .renew, now) : []
  }

  /// This center gave way. It releases once everybody has stopped; without that the target waits for the lease. A target that does not
  /// come within two leases gets no third: this center is active again, under an epoch of its own.
  private mutating func giveWay(
    _ record: ActivationRecord, _ handover: ActivationRecord.Handover, seenAt: MonotonicTime, patience: Duration, _ now: MonotonicTime,
    _ surroundings: Surroundings
  ) -> [Directive] {
    if !handover.released, surroundings.everybodyStopped, now >= seenAt + patience {
      var released: ActivationRecord = record
      released.handover?.released = true
      return write(released, .release(to: handover.to), now)
    }
    let until: MonotonicTime = seenAt + record.lease * 2
    guard now >= until + patience, let readBegan: MonotonicTime = view.lastReadBegan, readBegan >= until else { return [] }
    return write(successor(of: record), .takeOver(from: record.center), now)
  }

  private func successor(of record: ActivationRecord) -> ActivationRecord {
    var next: ActivationRecord = record
    next.center = configuration.center
    next.epoch += 1
    next.lease = configuration.lease
    next.previous = record.center
    next.handover = nil
    return next
  }

  private mutating func takeOver(
    from record: ActivationRecord, seenAt: MonotonicTime, patience: Duration, _ now: MonotonicTime, _ plannedTo: CenterName?,
    _ obstacles: () -> [String]
  ) -> [Directive] {
    let isTarget: Bool = record.handover?.to == configuration.center
    // A release says that the other side has stopped already; nothing is left to be waited for.
    // Whoever was not asked leaves two leases to the target and the center that gave way.
    let wait: Duration =
      isTarget && record.handover?.released == true ? .zero : isTarget || record.handover == nil ? record.lease : record.lease * 3
    guard now >= seenAt + wait + patience else {
      lastRefusal = ""
      return []
    }
    // A lease that ran out while nothing could be read proves nothing of the active center; the next read may show a renewal.
    guard wait == .zero || (view.lastReadBegan ?? seenAt) >= seenAt + wait else { return [] }
    if record.handover == nil, let plannedTo, plannedTo != configuration.center {
      return refuse("\(record.center) is silent, and gives way to \(plannedTo)")
    }
    let mayTakeOver: Bool = isTarget || plannedTo == configuration.center || configuration.automaticTo.contains(configuration.center)
    guard mayTakeOver, configuration.order.contains(configuration.center) else {
      return refuse("\(record.center) is silent, and \(configuration.center) takes over only by a person's decision")
    }
    let against: [String] = obstacles()
    guard against.isEmpty else { return refuse("\(record.center) is silent, but: " + against.joined(separator: "; ")) }
    return write(successor(of: record), .takeOver(from: record.center), now)
  }

  private mutating func write(_ record: ActivationRecord, _ purpose: Purpose, _ now: MonotonicTime) -> [Directive] {
    writing = true
    lastWriteBegan = now
    return [.write(record, purpose)]
  }

  private mutating func refuse(_ reason: String) -> [Directive] {
    guard reason != lastRefusal else { return [] }
    lastRefusal = reason
    return [.refused(reason)]
  }
}
