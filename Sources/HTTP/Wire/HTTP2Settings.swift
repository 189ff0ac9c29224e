import NIOCore
import NIOHTTP2

extension HTTPLimits {
  /// NIOHTTP2's own rate limits (200 control frames, 200 resets per 30 s) close the connections of Go clients under load, which
  /// reconnect silently (`measured.md`): raised to what an attack exceeds and a client does not.
  var http2Connection: NIOHTTP2Handler.ConnectionConfiguration {
    var configuration = NIOHTTP2Handler.ConnectionConfiguration()
    configuration.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: streamsPerConnection),
      HTTP2Setting(parameter: .maxHeaderListSize, value: headerBytes),
      HTTP2Setting(parameter: .initialWindowSize, value: streamWindow),
    ]
    configuration.targetWindowSize = connectionWindow
    configuration.maximumSequentialEmptyDataFrames = 16
    configuration.maximumRecentlyResetStreams = 1024
    configuration.maximumConnectionGlitches = glitchesPerConnection
    configuration.controlFrameRateLimit.maximumCount = controlFramesPerWindow
    configuration.controlFrameRateLimit.windowLength = .nanoseconds(rateWindow.nioNanoseconds)
    return configuration
  }

  var http2Stream: NIOHTTP2Handler.StreamConfiguration {
    var configuration = NIOHTTP2Handler.StreamConfiguration()
    configuration.targetWindowSize = streamWindow
    configuration.outboundBufferSizeHighWatermark = bufferedResponse
    configuration.outboundBufferSizeLowWatermark = bufferedResponse / 2
    configuration.streamResetFrameRateLimit.maximumCount = resetsPerWindow
    configuration.streamResetFrameRateLimit.windowLength = .nanoseconds(rateWindow.nioNanoseconds)
    configuration.streamErrorRateLimit.maximumCount = resetsPerWindow
    configuration.streamErrorRateLimit.windowLength = .nanoseconds(rateWindow.nioNanoseconds)
    return configuration
  }
}
