import NIOCore

/// How streams and connections break, and what is counted against a peer that makes them break.
extension HTTP2Connection {
  /// A connection error (RFC 9113 section 5.4.1).
  mutating func fail(_ code: HTTP2ErrorCode, _ reason: String) {
    guard !isOver else { return }
    isOver = true
    writeGoAway(lastStream, code, reason)
    notices.append(.failed(code, reason: reason))
  }

  /// A stream error (RFC 9113 section 5.4.2): the peer's fault, and counted, since making the server reset streams is as good an
  /// attack as resetting them (CVE-2025-8671).
  mutating func streamError(_ slot: Int, _ code: HTTP2ErrorCode, _ reason: String) {
    guard !streams.slots[slot].isDead else { return }
    let id: UInt32 = streams.slots[slot].id
    resetStream(id, code)
    kill(slot)
    notices.append(.aborted(slot: slot, id: id, reason: reason, free: true))
    notices.append(.refused(reason: reason))
    countOffence()
  }

  /// For a stream that was never opened, or is closed.
  mutating func refuseStream(_ id: UInt32, _ code: HTTP2ErrorCode, _ reason: String) {
    resetStream(id, code)
    notices.append(.refused(reason: reason))
    countOffence()
  }

  mutating func resetStream(_ id: UInt32, _ code: HTTP2ErrorCode) {
    writeFrame(length: 4, type: FrameType.resetStream, flags: 0, stream: id)
    output.writeInteger(code.value)
    resetStreams.insert(id)
    checkUnread(13)
  }

  /// A frame on a stream that is not open any more (RFC 9113 section 5.1, "closed").
  mutating func onClosedStream(_ id: UInt32, _ what: String) {
    // Ours: the frame was on its way. After the last GOAWAY: never opened.
    if resetStreams.contains(id) || id > announcedLast { return }
    if abandonedStreams.contains(id) { return refuseStream(id, .streamClosed, "\(what) on a stream that the client had reset") }
    fail(.streamClosed, "\(what) on stream \(id), which is closed")
  }

  /// Drops what a stream holds; its slot stays until its notice was taken.
  mutating func kill(_ slot: Int) {
    streams.slots[slot].isDead = true
    streams.slots[slot].localClosed = true
    streams.slots[slot].remoteClosed = true
    dropOutput(slot)
    dropHeld(slot)
  }

  mutating func dropOutput(_ slot: Int) {
    pendingBytes -= streams.slots[slot].pendingBytes
    streams.slots[slot].pendingBytes = 0
    streams.slots[slot].pending = []
    streams.slots[slot].pendingHead = 0
    streams.slots[slot].end = .open
  }

  mutating func dropHeld(_ slot: Int) {
    giveBackHeld(streams.slots[slot].heldBytes)
    streams.slots[slot].held = []
    streams.slots[slot].heldBytes = 0
    streams.slots[slot].heldEnd = false
  }

  mutating func removeStream(_ slot: Int) {
    streams.remove(slot)
    tellWhenDrained()
  }

  mutating func tellWhenDrained() {
    guard streams.count == 0, isClosing || peerIsLeaving, !drainedTold, !isOver else { return }
    drainedTold = true
    notices.append(.drained)
  }

  /// RST_STREAM from the peer, or caused by it. A rapid reset (CVE-2023-44487) sends tens of thousands within the window.
  mutating func countReset() {
    resets += 1
    if resets > limits.resetsPerWindow {
      fail(.enhanceYourCalm, "\(resets) streams were reset within \(limits.rateWindow)")
    }
  }

  mutating func countOffence() {
    glitches += 1
    if glitches > limits.glitchesPerConnection {
      return fail(.enhanceYourCalm, "\(glitches) stream errors on one connection")
    }
    countReset()
  }

  mutating func countControl() {
    controls += 1
    if controls > limits.controlFramesPerWindow {
      fail(.enhanceYourCalm, "\(controls) control frames within \(limits.rateWindow)")
    }
  }
}

/// The last so many stream ids.
struct RecentStreams {
  private var ids: [UInt32] = []
  private var next: Int = 0

  mutating func insert(_ id: UInt32) {
    if ids.count < HTTP2Limits.resetStreamsRemembered {
      ids.append(id)
    } else {
      ids[next] = id
      next = (next + 1) % HTTP2Limits.resetStreamsRemembered
    }
  }

  func contains(_ id: UInt32) -> Bool { ids.contains(id) }
}

/// What only this codec limits.
enum HTTP2Limits {
  /// Streams reset that are remembered, of each side: twice what may be open, so that all of them can be answered early and reset while
  /// their content is on its way.
  static let resetStreamsRemembered: Int = 4096
  /// Frames of one header block: more are a flood of CONTINUATIONs (CVE-2024-27983).
  static let framesPerHeaderBlock: Int = 32
  /// DATA frames without a byte in a row.
  static let emptyFrames: Int = 16
  /// Payloads up to this are copied behind their frame headers; larger ones are written as they are.
  static let copiedPayload: Int = 4096
  /// Output collected before it is offered to the socket.
  static let outputPerTurn: Int = 128 * 1024
  /// Control frames and heads written while the socket takes nothing.
  static let unreadControlBytes: Int = 1024 * 1024
  /// Streams' waiting output, as a multiple of one stream's limit, above which none may add to its own.
  static let pendingFactor: Int = 16
  /// Bytes that paused handlers leave here, as a multiple of the connection's window, before the window shrinks by them.
  static let heldFactor: Int = 4
  /// For the peer to take our last bytes and to close its half.
  static let linger: Duration = .seconds(2)
  /// Output buffers larger than this are not kept for the next tick.
  static let keptOutput: Int = 256 * 1024
}
