import NIOCore

/// SETTINGS, PING, RST_STREAM, WINDOW_UPDATE, GOAWAY, PRIORITY.
extension HTTP2Connection {
  mutating func onSettings(_ frame: FrameHeader) {
    guard frame.stream == 0 else { return fail(.protocolError, "SETTINGS on a stream") }
    if frame.has(FrameFlags.ack) {
      if frame.length != 0 { fail(.frameSizeError, "an acknowledgement of SETTINGS with a payload") }
      return
    }
    guard frame.length % 6 == 0 else { return fail(.frameSizeError, "SETTINGS of \(frame.length) bytes") }
    countControl()
    if isOver { return }
    var place: Int = input.readerIndex
    for _ in 0..<frame.length / 6 {
      guard let id: UInt16 = input.getInteger(at: place), let value: UInt32 = input.getInteger(at: place + 2) else { return }
      place += 6
      apply(id, Int(value))
      if isOver { return }
    }
    writeFrame(length: 0, type: FrameType.settings, flags: FrameFlags.ack, stream: 0)
    checkUnread(9)
  }

  private mutating func apply(_ id: UInt16, _ value: Int) {
    switch id {
    case SettingID.enablePush:
      if value > 1 { fail(.protocolError, "SETTINGS_ENABLE_PUSH of \(value)") }
    case SettingID.initialWindowSize:
      guard value <= Self.maximumWindow else { return fail(.flowControlError, "SETTINGS_INITIAL_WINDOW_SIZE of \(value)") }
      let change: Int = value - peerInitialWindow
      peerInitialWindow = value
      for slot in streams.slots.indices where streams.slots[slot].id != 0 {
        streams.slots[slot].sendWindow += change
        guard streams.slots[slot].sendWindow <= Self.maximumWindow else {
          return fail(.flowControlError, "SETTINGS_INITIAL_WINDOW_SIZE of \(value) takes a stream's window over its limit")
        }
        enqueue(slot)
      }
    case SettingID.maxFrameSize:
      // Ours never exceed the least value that is allowed.
      if value < Self.frameSize || value > 0xFF_FFFF { fail(.protocolError, "SETTINGS_MAX_FRAME_SIZE of \(value)") }
    default:
      // A header table is not used, a client's streams and header list are its own affair, the rest is unknown (section 6.5.2).
      break
    }
  }

  mutating func onPing(_ frame: FrameHeader) -> Event? {
    guard frame.stream == 0 else {
      fail(.protocolError, "PING on a stream")
      return nil
    }
    guard frame.length == 8, let payload: UInt64 = input.getInteger(at: input.readerIndex) else {
      fail(.frameSizeError, "PING of \(frame.length) bytes")
      return nil
    }
    if frame.has(FrameFlags.ack) {
      if payload == Self.drainPing, isDraining { closeForNew() }
      return .pong(payload)
    }
    countControl()
    if isOver { return nil }
    writeFrame(length: 8, type: FrameType.ping, flags: FrameFlags.ack, stream: 0)
    output.writeInteger(payload)
    checkUnread(17)
    return nil
  }

  mutating func onResetStream(_ frame: FrameHeader) {
    guard frame.length == 4, let code: UInt32 = input.getInteger(at: input.readerIndex) else {
      return fail(.frameSizeError, "RST_STREAM of \(frame.length) bytes")
    }
    guard frame.stream & 1 == 1, frame.stream <= lastStream else {
      return fail(.protocolError, "RST_STREAM on stream \(frame.stream), which is not open")
    }
    countReset()
    let slot: Int = streams.find(frame.stream)
    // A stream that has ended meanwhile: a race, not an offence.
    guard !isOver, slot >= 0, !streams.slots[slot].isDead else { return }
    abandonedStreams.insert(frame.stream)
    kill(slot)
    notices.append(
      .aborted(slot: slot, id: frame.stream, reason: "it reset the stream with \(HTTP2ErrorCode(value: code))", free: true))
  }

  mutating func onWindowUpdate(_ frame: FrameHeader) {
    guard frame.length == 4, let field: UInt32 = input.getInteger(at: input.readerIndex) else {
      return fail(.frameSizeError, "WINDOW_UPDATE of \(frame.length) bytes")
    }
    let increment = Int(field & 0x7FFF_FFFF)
    if frame.stream == 0 {
      guard increment > 0 else { return fail(.protocolError, "WINDOW_UPDATE by nothing") }
      sendWindow += increment
      if sendWindow > Self.maximumWindow { fail(.flowControlError, "the connection's window would have \(sendWindow) bytes") }
      return
    }
    guard frame.stream & 1 == 1, frame.stream <= lastStream else {
      return fail(.protocolError, "WINDOW_UPDATE on stream \(frame.stream), which is not open")
    }
    let slot: Int = streams.find(frame.stream)
    guard slot >= 0, !streams.slots[slot].isDead else { return }
    guard increment > 0 else { return streamError(slot, .protocolError, "WINDOW_UPDATE by nothing") }
    streams.slots[slot].sendWindow += increment
    guard streams.slots[slot].sendWindow <= Self.maximumWindow else {
      return streamError(slot, .flowControlError, "the stream's window would exceed its limit")
    }
    enqueue(slot)
  }

  mutating func onGoAway(_ frame: FrameHeader) {
    guard frame.stream == 0 else { return fail(.protocolError, "GOAWAY on a stream") }
    guard frame.length >= 8 else { return fail(.frameSizeError, "GOAWAY of \(frame.length) bytes") }
    peerIsLeaving = true
    tellWhenDrained()
  }

  mutating func onPriority(_ frame: FrameHeader) {
    guard frame.stream != 0 else { return fail(.protocolError, "PRIORITY without a stream") }
    countControl()
    guard frame.length != 5, !isOver else { return }
    let slot: Int = streams.find(frame.stream)
    if slot >= 0 {
      streamError(slot, .frameSizeError, "PRIORITY of \(frame.length) bytes")
    } else {
      fail(.frameSizeError, "PRIORITY of \(frame.length) bytes")
    }
  }

  // MARK: ours

  /// The PING between the two GOAWAYs of a graceful shutdown (RFC 9113 section 6.8).
  static let drainPing: UInt64 = 0x6472_6169_6E00_0000
  static let keepAlivePing: UInt64 = 0x6B65_6570_0000_0000

  /// Opening SETTINGS, and the connection's window from its 65,535 bytes to its size.
  mutating func writePreface() {
    let settings: [(UInt16, Int)] = [
      (SettingID.maxConcurrentStreams, limits.streamsPerConnection), (SettingID.initialWindowSize, limits.streamWindow),
      (SettingID.maxHeaderListSize, limits.headerBytes),
    ]
    writeFrame(length: settings.count * 6, type: FrameType.settings, flags: 0, stream: 0)
    for (id, value) in settings {
      output.writeInteger(id)
      output.writeInteger(UInt32(value))
    }
    let more: Int = limits.connectionWindow - Self.initialWindow
    if more > 0 {
      writeWindowUpdate(0, more)
      receiveWindow += more
    }
  }

  mutating func ping(_ payload: UInt64) {
    guard !isOver else { return }
    writeFrame(length: 8, type: FrameType.ping, flags: 0, stream: 0)
    output.writeInteger(payload)
  }

  mutating func writeWindowUpdate(_ stream: UInt32, _ increment: Int) {
    writeFrame(length: 4, type: FrameType.windowUpdate, flags: 0, stream: stream)
    output.writeInteger(UInt32(increment))
  }

  mutating func writeGoAway(_ last: UInt32, _ code: HTTP2ErrorCode, _ reason: String) {
    let text: String.UTF8View.SubSequence = reason.utf8.prefix(200)
    writeFrame(length: 8 + text.count, type: FrameType.goAway, flags: 0, stream: 0)
    output.writeInteger(last)
    output.writeInteger(code.value)
    output.writeBytes(text)
  }

  /// Asks the peer to open no more streams. Those that are on their way are served until its PING comes back.
  mutating func drain() {
    guard !isOver, !isDraining, !isClosing else { return }
    isDraining = true
    writeGoAway(UInt32(Self.maximumWindow), .noError, "")
    ping(Self.drainPing)
  }

  /// From here on new streams are ignored; `.drained` follows once the open ones have ended.
  mutating func closeForNew() {
    guard !isOver, !isClosing else { return }
    isClosing = true
    announcedLast = lastStream
    writeGoAway(lastStream, .noError, "")
    tellWhenDrained()
  }

  /// A peer that makes us answer and does not read the answers.
  mutating func checkUnread(_ written: Int) {
    guard !maySend else { return }
    controlBytes += written
    if controlBytes > HTTP2Limits.unreadControlBytes { fail(.enhanceYourCalm, "\(controlBytes) bytes of answers that are not read") }
  }
}
