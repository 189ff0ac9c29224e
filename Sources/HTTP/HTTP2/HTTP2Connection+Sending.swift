import NIOCore

/// Responses on their way out. What windows and socket allow goes straight into the output; the rest waits in its stream, and the
/// streams that wait stand in a line and take turns of one frame each.
extension HTTP2Connection {
  // MARK: commands

  /// A head, or with `end` a whole response without content. A second one with `end` is trailers.
  mutating func sendHead(_ slot: Int, _ block: FieldBlock, end: Bool) {
    guard !isOver, isOpen(slot) else { return }
    if streams.slots[slot].headSent {
      if end { sendEnd(slot, trailers: block) }
      return
    }
    if !block.isInformational {
      streams.slots[slot].headSent = true
      if block.isBodyless { streams.slots[slot].isBodyless = true }
    }
    if end {
      sendEnd(slot, trailers: block)
    } else {
      let before: Int = outputBytes
      writeHeaders(block, streams.slots[slot].id, end: false)
      checkUnread(outputBytes - before)
    }
  }

  mutating func sendData(_ slot: Int, _ bytes: ByteBuffer) {
    guard !isOver, isOpen(slot), streams.slots[slot].headSent, !streams.slots[slot].isBodyless else { return }
    let count: Int = bytes.readableBytes
    guard count > 0 else { return }
    if streams.slots[slot].pendingBytes == 0, maySend, count <= Self.frameSize, count <= sendWindow,
      count <= streams.slots[slot].sendWindow, outputBytes < HTTP2Limits.outputPerTurn
    {
      sendWindow -= count
      streams.slots[slot].sendWindow -= count
      writeData(streams.slots[slot].id, bytes)
      return
    }
    streams.slots[slot].pending.append(bytes)
    streams.slots[slot].pendingBytes += count
    pendingBytes += count
    enqueue(slot)
  }

  mutating func sendEnd(_ slot: Int, trailers: FieldBlock?) {
    guard !isOver, isOpen(slot) else { return }
    streams.slots[slot].end = trailers.map { .trailers($0) } ?? .plain
    if streams.slots[slot].pendingBytes == 0, maySend {
      writeEnd(slot)
    } else {
      enqueue(slot)
    }
  }

  /// Breaks the stream; its handler is not told.
  mutating func reset(_ slot: Int, _ code: HTTP2ErrorCode) {
    guard !isOver, !streams.slots[slot].isDead else { return }
    resetStream(streams.slots[slot].id, code)
    kill(slot)
    removeStream(slot)
  }

  private func isOpen(_ slot: Int) -> Bool {
    guard !streams.slots[slot].localClosed, case .open = streams.slots[slot].end else { return false }
    return true
  }

  /// False: wait for `.writable`.
  mutating func isWritable(_ slot: Int) -> Bool {
    let pending: Int = streams.slots[slot].pendingBytes
    let room: Bool =
      pending == 0 || (pending < limits.bufferedResponse && pendingBytes < limits.bufferedResponse * HTTP2Limits.pendingFactor)
    if !room { streams.slots[slot].isBlocked = true }
    return room
  }

  // MARK: the line

  /// Puts a stream that can send something into its line.
  mutating func enqueue(_ slot: Int) {
    guard !streams.slots[slot].isQueued, streams.slots[slot].hasOutput else { return }
    let item = QueuedStream(slot: slot, id: streams.slots[slot].id)
    if streams.slots[slot].pendingBytes == 0 {
      ends.append(item)
    } else {
      guard streams.slots[slot].sendWindow > 0 else { return }
      if line.count >= 2 * limits.streamsPerConnection { sweepLine() }
      line.append(item)
    }
    streams.slots[slot].isQueued = true
  }

  /// Takes out streams that are gone: a peer that gives no window and resets stream after stream would pile them up.
  private mutating func sweepLine() {
    let streams: StreamTable = streams
    line.removeAll { streams.slots[$0.slot].id != $0.id || !streams.slots[$0.slot].isQueued }
  }

  /// Moves what waits into the output, a frame of each stream in turn, up to one turn's worth.
  mutating func pump() {
    guard maySend, !isOver else { return }
    if !ends.isEmpty {
      let items: [QueuedStream] = ends
      ends.removeAll(keepingCapacity: true)
      for item in items where isNext(item) { sendTurn(item.slot) }
    }
    while sendWindow > 0, outputBytes < HTTP2Limits.outputPerTurn, let item: QueuedStream = line.popFirst() {
      if isNext(item) { sendTurn(item.slot) }
    }
  }

  private mutating func isNext(_ item: QueuedStream) -> Bool {
    guard streams.slots[item.slot].id == item.id, streams.slots[item.slot].isQueued else { return false }
    streams.slots[item.slot].isQueued = false
    return true
  }

  /// `pump` would move something.
  var canPump: Bool { maySend && !isOver && (!ends.isEmpty || (sendWindow > 0 && !line.isEmpty)) }

  private mutating func sendTurn(_ slot: Int) {
    let waiting: Int = streams.slots[slot].pendingBytes
    guard waiting > 0 else {
      if streams.slots[slot].hasOutput { writeEnd(slot) }
      return
    }
    let count: Int = min(waiting, Self.frameSize, sendWindow, streams.slots[slot].sendWindow)
    guard count > 0 else { return }
    sendWindow -= count
    streams.slots[slot].sendWindow -= count
    streams.slots[slot].pendingBytes -= count
    pendingBytes -= count
    var left: Int = count
    while left > 0 {
      let head: Int = streams.slots[slot].pendingHead
      let available: Int = streams.slots[slot].pending[head].readableBytes
      if available <= left {
        writeData(streams.slots[slot].id, streams.slots[slot].pending[head])
        streams.slots[slot].pending[head] = ByteBuffer()
        streams.slots[slot].pendingHead = head + 1
        left -= available
      } else if let part: ByteBuffer = streams.slots[slot].pending[head].readSlice(length: left) {
        writeData(streams.slots[slot].id, part)
        left = 0
      }
    }
    if streams.slots[slot].pendingHead == streams.slots[slot].pending.count {
      streams.slots[slot].pending.removeAll(keepingCapacity: true)
      streams.slots[slot].pendingHead = 0
    }
    if streams.slots[slot].isBlocked, streams.slots[slot].pendingBytes <= limits.bufferedResponse / 2,
      streams.slots[slot].pendingBytes == 0 || pendingBytes < limits.bufferedResponse * HTTP2Limits.pendingFactor
    {
      streams.slots[slot].isBlocked = false
      notices.append(.writable(slot: slot, id: streams.slots[slot].id))
    }
    if streams.slots[slot].pendingBytes == 0, streams.slots[slot].hasOutput {
      writeEnd(slot)
    } else {
      enqueue(slot)
    }
  }

  private mutating func writeEnd(_ slot: Int) {
    let id: UInt32 = streams.slots[slot].id
    if case .trailers(let block) = streams.slots[slot].end {
      writeHeaders(block, id, end: true)
    } else if openFrame.id == id {
      output.setInteger(FrameFlags.endStream, at: openFrame.start + 4)
      openFrame.id = 0
    } else {
      writeFrame(length: 0, type: FrameType.data, flags: FrameFlags.endStream, stream: id)
    }
    streams.slots[slot].localClosed = true
    streams.slots[slot].end = .open
    if !streams.slots[slot].remoteClosed {
      early.append(QueuedStream(slot: slot, id: id))
    } else if streams.slots[slot].hasHeld {
      dropHeld(slot)
      streams.slots[slot].isDead = true
      notices.append(.aborted(slot: slot, id: id, reason: "the response was over before the request was read", free: true))
    } else {
      removeStream(slot)
    }
  }

  /// The rest of a request is of no use to anybody once the response has ended: RST_STREAM with NO_ERROR (RFC 9113 section 8.1).
  mutating func resetEarly() {
    guard !early.isEmpty else { return }
    for item in early where streams.slots[item.slot].id == item.id && !streams.slots[item.slot].isDead {
      resetStream(item.id, .noError)
      kill(item.slot)
      notices.append(.aborted(slot: item.slot, id: item.id, reason: "the response was over before the request", free: true))
    }
    early.removeAll(keepingCapacity: true)
  }
}
