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
///     pending ──open(until)──▶ open ──deadline, or fenced(reason)──▶ fenced ──open(until)──▶ open
///        └─────────patience over, or fenced(reason)─────────────────────▲
///
/// Pending is a kubelet's first moment: it starts nothing exclusive, but leaves alone what it found running, since its own
/// restart must not be an outage.
public struct FenceState: Hashable, Sendable {
  public enum Position: Hashable, Sendable {
    case pending
    case open
    case fenced(reason: String)
  }
  public private(set) var position: Position = .pending
  /// When the position becomes `fenced` by itself.
  public private(set) var deadline: MonotonicTime?

  public init(now: MonotonicTime, patience: Duration = KubeletLimits.fencePatience) { deadline = now + patience }

  public var reason: String? {
    switch position {
    case .open: nil
    case .pending: "no activation has been seen since this kubelet started"
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
