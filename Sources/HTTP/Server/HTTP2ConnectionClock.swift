/// What time does to an HTTP/2 connection, counted in ticks. A tick that comes late counts nothing: a loop that gets no processor
/// cannot tell a dead client from bytes that it had no time to read.
struct HTTP2ConnectionClock {
  enum Directive: Equatable {
    case nothing
    case ping
    /// With a reason for the log where the client is at fault.
    case close(String?)
  }

  /// Nanoseconds between ticks.
  let step: Int64
  private let limits: HTTPLimits
  private var frames: Int = 0
  /// Nanoseconds: without a frame, since the PING, without a stream, inside of a frame.
  private var silent: Int64 = 0
  private var unanswered: Int64?
  private var idle: Int64 = 0
  private var stuck: Int64 = 0
  private var lastStream: UInt32 = 0

  init(limits: HTTPLimits) {
    self.limits = limits
    let shortest: Duration = min(
      min(limits.keepAliveInterval, limits.keepAliveTimeout), min(limits.idleTimeout, min(limits.headTimeout, limits.bodyTimeout)))
    step = max(10_000_000, shortest.inNanoseconds / 4)
  }

  mutating func onTick(_ codec: HTTP2Connection, late: Bool) -> Directive {
    let isActive: Bool = codec.frames != frames
    frames = codec.frames
    let wasUsed: Bool = codec.openStreams > 0 || codec.lastStream != lastStream
    lastStream = codec.lastStream
    if isActive {
      silent = 0
      stuck = 0
      unanswered = nil
    }
    if wasUsed { idle = 0 }
    if late { return .nothing }
    if !isActive {
      silent += step
      if let waited: Int64 = unanswered { unanswered = waited + step }
      stuck = codec.isMidFrame || !codec.settingsSeen ? stuck + step : 0
    }
    if !wasUsed { idle += step }
    let stuckLimit: Duration = codec.openBlock != nil || !codec.settingsSeen ? limits.headTimeout : limits.bodyTimeout
    if stuck >= stuckLimit.inNanoseconds { return .close("a frame of HTTP/2 stood unfinished for \(stuckLimit)") }
    if let waited: Int64 = unanswered, waited >= limits.keepAliveTimeout.inNanoseconds {
      return .close("nothing came for \(limits.keepAliveTimeout) after a keep-alive PING")
    }
    if idle >= limits.idleTimeout.inNanoseconds { return .close(nil) }
    if unanswered == nil, codec.openStreams > 0, silent >= limits.keepAliveInterval.inNanoseconds {
      unanswered = 0
      return .ping
    }
    return .nothing
  }
}
