import Primitives

/// What a fault does to one direction of a line for as long as it is in force: on top of the line's setting, which it leaves alone.
public struct LinkFault: Hashable, Sendable {
  public var id: String
  public var until: MonotonicTime
  /// Added to the line's own.
  public var delay: Duration
  /// Of what the line itself does not lose.
  public var loss: Double
  /// 0: as the line has it; otherwise the lower of both.
  public var bitsPerSecond: Int64
  public var cut: Bool
  /// Only packets from or to this port; nil: all.
  public var port: UInt16?
  /// It is on in the first half of each so long, counted on the clock that all lines share: renewing does not shift it, and both
  /// directions come and go together. Nil: all the time.
  public var every: Duration?
  /// When the last packet of the port leaves.
  var lastDue = MonotonicTime(nanoseconds: 0)

  public init(id: String, until: MonotonicTime, _ change: LinkSetting.Change, port: UInt16? = nil, every: Duration? = nil) {
    self.id = id
    self.until = until
    self.port = port
    self.every = every
    delay = change.delay ?? .zero
    loss = change.loss ?? 0
    bitsPerSecond = change.bitsPerSecond ?? 0
    cut = change.cut ?? false
  }

  func isOn(_ now: MonotonicTime) -> Bool {
    guard let every, every > .zero else { return true }
    return now.nanoseconds % every.inNanoseconds < every.inNanoseconds / 2
  }

  func worsen(_ setting: inout LinkSetting) {
    setting.delay += delay
    setting.loss = 1 - (1 - setting.loss) * (1 - loss)
    if bitsPerSecond > 0 { setting.bitsPerSecond = setting.bitsPerSecond > 0 ? min(setting.bitsPerSecond, bitsPerSecond) : bitsPerSecond }
    if cut { setting.cut = true }
  }

  func concerns(_ ports: (UInt16, UInt16)?) -> Bool {
    guard let port else { return true }
    return ports.map { $0.0 == port || $0.1 == port } ?? false
  }
}
