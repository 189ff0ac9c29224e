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
  public enum Purpose: Hashable, Sendable { case create, renew, takeOver(from: CenterName) }

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

  /// The answer to a `write` that was sent at `began`: the record as stored, or nil if it was refused or is unknown.
  public mutating func onWritten(_ record: ActivationRecord?, began: MonotonicTime, finished: MonotonicTime) {
    writing = false
    if let record { view.onRead(record, began: began, finished: finished) }
  }

  /// - Parameters:
  ///   - plannedTo: where people want the cluster moved. The active center then lets its lease run out, and that center alone takes over:
  ///     the same proof as for a loss, at the price of one lease without service.
  ///   - obstacles: what stands against this center's taking over now (capacity, a switch that a person set), in sentences.
  public mutating func onTick(
    _ now: MonotonicTime, plannedTo: CenterName? = nil, obstacles: @autoclosure () -> [String]
  ) -> [Directive] {
    guard !writing else { return [] }
    let patience: Duration = .milliseconds(50) * configuration.hostIndex
    guard let record: ActivationRecord = view.record, let seenAt: MonotonicTime = view.versionSeenAt else {
      guard let absentSince, now >= absentSince + patience, configuration.order.first == configuration.center else { return [] }
      let first = ActivationRecord(cluster: configuration.cluster, center: configuration.center, epoch: 1, lease: configuration.lease)
      return write(first, .create, now)
    }
    if record.center == configuration.center {
      if let plannedTo, plannedTo != configuration.center { return refuse("\(configuration.center) gives way to \(plannedTo)") }
      let due: MonotonicTime = max(seenAt, lastWriteBegan ?? seenAt) + configuration.renewEvery + patience
      return now >= due ? write(record, .renew, now) : []
    }
    return takeOver(from: record, seenAt: seenAt, patience: patience, now, plannedTo, obstacles)
  }

  private mutating func takeOver(
    from record: ActivationRecord, seenAt: MonotonicTime, patience: Duration, _ now: MonotonicTime, _ plannedTo: CenterName?,
    _ obstacles: () -> [String]
  ) -> [Directive] {
    guard now >= seenAt + record.lease + patience else {
      lastRefusal = ""
      return []
    }
    // A lease that ran out while nothing could be read proves nothing of the active center; the next read may show a renewal.
    guard let readBegan: MonotonicTime = view.lastReadBegan, readBegan >= seenAt + record.lease else { return [] }
    if let plannedTo, plannedTo != configuration.center { return refuse("\(record.center) is silent, and gives way to \(plannedTo)") }
    let mayTakeOver: Bool = plannedTo == configuration.center || configuration.automaticTo.contains(configuration.center)
    guard mayTakeOver, configuration.order.contains(configuration.center) else {
      return refuse("\(record.center) is silent, and \(configuration.center) takes over only by a person's decision")
    }
    let against: [String] = obstacles()
    guard against.isEmpty else { return refuse("\(record.center) is silent, but: " + against.joined(separator: "; ")) }
    var next: ActivationRecord = record
    next.center = configuration.center
    next.epoch += 1
    next.lease = configuration.lease
    next.previous = record.center
    return write(next, .takeOver(from: record.center), now)
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
