import Primitives

/// One direction of a link between two places.
public struct LinkSetting: Hashable, Sendable {
  /// One way; a link's round trip is the sum of both directions' delays.
  public var delay: Duration
  /// Part of the packets that vanish, 0 to 1.
  public var loss: Double
  /// Bits per second, 0 for as fast as it goes.
  public var bitsPerSecond: Int64
  public var cut: Bool

  public init(delay: Duration = .zero, loss: Double = 0, bitsPerSecond: Int64 = 0, cut: Bool = false) {
    self.delay = delay
    self.loss = loss
    self.bitsPerSecond = bitsPerSecond
    self.cut = cut
  }

  /// What a command changes; nil leaves a value as it is.
  public struct Change: Hashable, Sendable {
    public var delay: Duration?
    public var loss: Double?
    public var bitsPerSecond: Int64?
    public var cut: Bool?
    public init(delay: Duration? = nil, loss: Double? = nil, bitsPerSecond: Int64? = nil, cut: Bool? = nil) {
      self.delay = delay
      self.loss = loss
      self.bitsPerSecond = bitsPerSecond
      self.cut = cut
    }
  }

  mutating func apply(_ change: Change) {
    if let delay = change.delay { self.delay = delay }
    if let loss = change.loss { self.loss = loss }
    if let bitsPerSecond = change.bitsPerSecond { self.bitsPerSecond = bitsPerSecond }
    if let cut = change.cut { self.cut = cut }
  }
}
