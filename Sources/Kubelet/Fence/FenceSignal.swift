import Primitives

/// What the watcher of the activation lease tells this kubelet.
public enum FenceEvent: Hashable, Sendable {
  /// Exclusive pods may run until this moment of the kubelet's clock. Later ones replace earlier ones.
  case open(until: MonotonicTime)
  /// Exclusive pods must not run: another center is active, or may be.
  case fenced(reason: String)
  /// What is known stands.
  case unchanged
  /// Both at once, so that no namespace is between two rules for a moment: what counts in general, and all namespaces for which something
  /// else counts. `version`: of the activation record that says so; what an older one said and comes late says nothing any more.
  indirect case apart(general: FenceEvent, namespaces: [String: FenceEvent], version: UInt64)
}

/// A stream of fence events. The kubelet keeps the deadline itself: a watcher that hangs fences as surely as one that says so.
public struct FenceSignal: Sendable {
  public let events: AsyncStream<FenceEvent>
  public init(_ events: AsyncStream<FenceEvent>) { self.events = events }
}

/// Pure: is the fence up?
///
///     start ─┬─ an earlier kubelet of this boot left a deadline that stands ─▶ open ──deadline, or fenced(reason)──▶ fenced
///            └─ none, or past ─▶ fenced                                         ▲────────────open(until)─────────────┘
///
/// A kubelet that has just started has no time of its own to give: what it finds running was allowed until the deadline that its
/// predecessor was told, and by that moment another center may be active. Namespaces that run elsewhere than the rest of the cluster have
/// a fence each, which works alike.
public struct FenceState: Hashable, Sendable {
  public enum Position: Hashable, Sendable {
    case open
    case fenced(reason: String)
    var reason: String? { if case .fenced(let reason) = self { reason } else { nil } }
  }

  /// One fence.
  struct Latch: Hashable, Sendable {
    var position: Position
    /// When the position becomes `fenced` by itself; nil while it is.
    var deadline: MonotonicTime?

    /// A deadline that lies further ahead than any lease is none.
    init(now: MonotonicTime, validUntil: MonotonicTime?) {
      if let validUntil, validUntil > now, validUntil - now <= KubeletLimits.longestLease {
        position = .open
        deadline = validUntil
      } else {
        position = .fenced(reason: "no activation has been seen since this kubelet started")
      }
    }

    mutating func on(_ event: FenceEvent, now: MonotonicTime) {
      switch event {
      case .open(let until):
        guard until > now else { return onTick(now: now) }
        deadline = until
        position = .open
      case .fenced(let why):
        deadline = nil
        position = .fenced(reason: why)
      case .unchanged, .apart: break
      }
    }

    mutating func onTick(now: MonotonicTime) {
      guard let deadline, deadline <= now else { return }
      position = .fenced(reason: "the activation lease was not renewed in time")
      self.deadline = nil
    }
  }

  private var general: Latch
  private var apart: [String: Latch]
  /// The newest record that anything was told by.
  private var version: UInt64 = 0

  /// `kept`: what an earlier kubelet of this boot was told last (`FenceRecord`).
  init(now: MonotonicTime, kept: FenceDeadlines) {
    general = Latch(now: now, validUntil: kept.general)
    apart = kept.namespaces.mapValues { Latch(now: now, validUntil: $0) }
  }
  public init(now: MonotonicTime, validUntil: MonotonicTime?) { self.init(now: now, kept: FenceDeadlines(general: validUntil)) }

  /// What stands everywhere.
  public var positions: FencePositions { FencePositions(general: general.position, namespaces: apart.mapValues(\.position)) }
  public var position: Position { general.position }
  public var reason: String? { general.position.reason }
  /// When something becomes fenced by itself.
  public var deadline: MonotonicTime? { ([general] + apart.values).compactMap(\.deadline).min() }
  /// What a successor may go by.
  var kept: FenceDeadlines { FenceDeadlines(general: general.deadline, namespaces: apart.mapValues(\.deadline)) }

  /// True when a position changed.
  public mutating func on(_ event: FenceEvent, now: MonotonicTime) -> Bool {
    let before: FencePositions = positions
    guard case .apart(let told, let namespaces, let version) = event else {
      general.on(event, now: now)
      return before != positions
    }
    guard version >= self.version else { return false }
    self.version = version
    general.on(told, now: now)
    var latches: [String: Latch] = [:]
    for (namespace, event) in namespaces {
      var latch: Latch = apart[namespace] ?? general
      latch.on(event, now: now)
      latches[namespace] = latch
    }
    apart = latches
    return before != positions
  }

  /// Fenced, in general or one namespace, by a record of this version.
  mutating func fence(_ namespace: String?, reason: String, version: UInt64) {
    self.version = max(self.version, version)
    if let namespace {
      apart[namespace, default: general].on(.fenced(reason: reason), now: MonotonicTime(nanoseconds: 0))
    } else {
      general.on(.fenced(reason: reason), now: MonotonicTime(nanoseconds: 0))
    }
  }

  /// True when a deadline has passed just now.
  public mutating func onTick(now: MonotonicTime) -> Bool {
    let before: FencePositions = positions
    general.onTick(now: now)
    for namespace in apart.keys { apart[namespace]?.onTick(now: now) }
    return before != positions
  }
}

/// The fence's positions: in general, and for the namespaces that have one of their own.
public struct FencePositions: Hashable, Sendable {
  var general: FenceState.Position
  var namespaces: [String: FenceState.Position] = [:]

  /// Why exclusive pods of the namespace may not run; nil: they may. A pod whose namespace is not known goes by the general one.
  func reason(_ namespace: String?) -> String? { (namespace.flatMap { namespaces[$0] } ?? general).reason }
  var isUpSomewhere: Bool { general.reason != nil || namespaces.values.contains { $0.reason != nil } }
}
