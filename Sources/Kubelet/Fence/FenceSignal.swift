import Primitives

/// What the watcher of the activation lease tells this kubelet.
public enum FenceEvent: Hashable, Sendable {
  /// Exclusive pods may run until this moment of the kubelet's clock. Later ones replace earlier ones.
  case open(until: MonotonicTime)
  /// Exclusive pods must not run: another center is active, or may be.
  case fenced(reason: String)
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
/// predecessor was told, and by that moment another center may be active.
public struct FenceState: Hashable, Sendable {
  public enum Position: Hashable, Sendable {
    case open
    case fenced(reason: String)
  }
  public private(set) var position: Position
  /// When the position becomes `fenced` by itself; nil while it is.
  public private(set) var deadline: MonotonicTime?

  /// `validUntil`: the deadline that an earlier kubelet of this boot was told last (`FenceRecord`). One that lies further ahead than any
  /// lease is no deadline.
  public init(now: MonotonicTime, validUntil: MonotonicTime?) {
    if let validUntil, validUntil > now, validUntil - now <= KubeletLimits.longestLease {
      position = .open
      deadline = validUntil
    } else {
      position = .fenced(reason: "no activation has been seen since this kubelet started")
    }
  }

  public var reason: String? {
    switch position {
    case .open: nil
    case .fenced(let reason): reason
    }
  }

  /// True when the position changed.
  public mutating func on(_ event: FenceEvent, now: MonotonicTime) -> Bool {
    let before: Position = position
    switch event {
    case .open(let until):
      guard until > now else { return onTick(now: now) }
      deadline = until
      position = .open
    case .fenced(let why):
      deadline = nil
      position = .fenced(reason: why)
    }
    return before != position
  }

  /// True when the deadline has passed just now.
  public mutating func onTick(now: MonotonicTime) -> Bool {
    guard let deadline, deadline <= now else { return false }
    position = .fenced(reason: "the activation lease was not renewed in time")
    self.deadline = nil
    return true
  }
}
