import NIOCore

/// DATA frames and the windows that the peer sends them in (RFC 9113 sections 5.2, 6.1, 6.9).
extension HTTP2Connection {
  mutating func onData(_ frame: FrameHeader) -> Event? {
    let id: UInt32 = frame.stream
    guard id & 1 == 1, id <= lastStream else {
      fail(.protocolError, "DATA on stream \(id), which is not open")
      return nil
    }
    guard frame.length <= receiveWindow else {
      fail(.flowControlError, "\(frame.length) bytes of DATA where the connection's window has \(receiveWindow)")
      return nil
    }
    receiveWindow -= frame.length
    var start: Int = input.readerIndex
    var length: Int = frame.length
    if frame.has(FrameFlags.padded) {
      guard length >= 1, let padding: UInt8 = input.getInteger(at: start), Int(padding) < length else {
        fail(.protocolError, "DATA whose padding is longer than it is")
        return nil
      }
      start += 1
      length -= 1 + Int(padding)
    }
    let slot: Int = streams.find(id)
    guard slot >= 0, !streams.slots[slot].isDead else {
      giveBack(frame.length)
      onClosedStream(id, "DATA")
      return nil
    }
    return onData(frame, slot, start, length)
  }

  private mutating func onData(_ frame: FrameHeader, _ slot: Int, _ start: Int, _ length: Int) -> Event? {
    guard !streams.slots[slot].remoteClosed else {
      giveBack(frame.length)
      streamError(slot, .streamClosed, "DATA after the end of a request")
      return nil
    }
    let window: Int = streams.slots[slot].receiveWindow
    guard frame.length <= window else {
      giveBack(frame.length)
      streamError(slot, .flowControlError, "\(frame.length) bytes of DATA where the stream's window has \(window)")
      return nil
    }
    streams.slots[slot].receiveWindow = window - frame.length
    if let left: Int = streams.slots[slot].contentLeft {
      guard length <= left else {
        giveBack(frame.length)
        streamError(slot, .protocolError, "malformed request: more bytes than its content-length")
        return nil
      }
      streams.slots[slot].contentLeft = left - length
    }
    let end: Bool = frame.has(FrameFlags.endStream)
    if end, !endOfRequest(slot) {
      giveBack(frame.length)
      return nil
    }
    if length == 0 {
      giveBack(frame.length)
      if !end {
        streams.slots[slot].consumed += frame.length
        emptyFrames += 1
        if emptyFrames > HTTP2Limits.emptyFrames { fail(.enhanceYourCalm, "\(emptyFrames) empty DATA frames in a row") }
        return nil
      }
    } else {
      emptyFrames = 0
    }
    if streams.slots[slot].isPaused || streams.slots[slot].hasHeld {
      if length > 0 { hold(slot, start, length, frame.length) }
      streams.slots[slot].heldEnd = end
      return nil
    }
    if length == 0 {
      freeIfDone(slot)
      return .end(slot: slot)
    }
    giveBack(frame.length)
    guard let bytes: ByteBuffer = input.getSlice(at: start, length: length) else {
      preconditionFailure("a DATA frame of \(frame.length) bytes lies outside of \(input)")
    }
    if end {
      freeIfDone(slot)
    } else {
      giveBackStream(slot, frame.length)
    }
    return .data(slot: slot, bytes, end: end)
  }

  private mutating func hold(_ slot: Int, _ start: Int, _ length: Int, _ whole: Int) {
    guard let bytes: ByteBuffer = input.getSlice(at: start, length: length) else {
      preconditionFailure("a DATA frame of \(whole) bytes lies outside of \(input)")
    }
    let last: Int = streams.slots[slot].held.count - 1
    if last >= 0, streams.slots[slot].held[last].readableBytes + length <= Self.frameSize {
      // Crumbs are put together: a slice of its own for every byte would be an attack on memory.
      streams.slots[slot].held[last].writeImmutableBuffer(bytes)
    } else {
      streams.slots[slot].held.append(bytes)
    }
    streams.slots[slot].heldBytes += length
    // Padding is nobody's to read.
    streams.slots[slot].consumed += whole - length
    let before: Int = withheld
    heldBytes += length
    giveBack(whole - (withheld - before))
  }

  /// What paused handlers may leave here before the connection's window shrinks by it.
  /// One that pauses must not stop the other streams; many that pause may.
  private var withheld: Int { max(0, heldBytes - HTTP2Limits.heldFactor * limits.connectionWindow) }

  mutating func giveBackHeld(_ count: Int) {
    guard count > 0 else { return }
    let before: Int = withheld
    heldBytes -= count
    giveBack(before - withheld)
  }

  /// To the connection's window, in steps of half of it.
  mutating func giveBack(_ count: Int) {
    owed += count
    // The window begins at 65,535 bytes and is opened to its size with the preface.
    guard owed * 2 >= limits.connectionWindow else { return }
    receiveWindow += owed
    writeWindowUpdate(0, owed)
    owed = 0
  }

  mutating func giveBackStream(_ slot: Int, _ count: Int) {
    streams.slots[slot].consumed += count
    guard streams.slots[slot].consumed * 2 >= limits.streamWindow, !streams.slots[slot].remoteClosed else { return }
    streams.slots[slot].receiveWindow += streams.slots[slot].consumed
    writeWindowUpdate(streams.slots[slot].id, streams.slots[slot].consumed)
    streams.slots[slot].consumed = 0
  }

  // MARK: handlers that pause

  mutating func pause(_ slot: Int) { streams.slots[slot].isPaused = true }

  /// What was held comes by `next()`.
  mutating func resume(_ slot: Int) {
    guard streams.slots[slot].isPaused, !isOver else { return }
    streams.slots[slot].isPaused = false
    if streams.slots[slot].hasHeld { notices.append(.resumed(slot: slot, id: streams.slots[slot].id)) }
  }

  mutating func deliverHeld(_ slot: Int) -> Event? {
    guard !streams.slots[slot].isPaused, streams.slots[slot].hasHeld else { return nil }
    guard !streams.slots[slot].held.isEmpty else {
      streams.slots[slot].heldEnd = false
      freeIfDone(slot)
      return .end(slot: slot)
    }
    let bytes: ByteBuffer = streams.slots[slot].held.removeFirst()
    streams.slots[slot].heldBytes -= bytes.readableBytes
    giveBackHeld(bytes.readableBytes)
    giveBackStream(slot, bytes.readableBytes)
    let end: Bool = streams.slots[slot].held.isEmpty && streams.slots[slot].heldEnd
    if end {
      streams.slots[slot].heldEnd = false
      freeIfDone(slot)
    } else if streams.slots[slot].hasHeld {
      notices.append(.resumed(slot: slot, id: streams.slots[slot].id))
    }
    return .data(slot: slot, bytes, end: end)
  }
}
