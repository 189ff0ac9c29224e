import NIOCore

/// HEADERS and CONTINUATION: requests and their trailers.
extension HTTP2Connection {
  mutating func onHeaders(_ frame: FrameHeader) -> Event? {
    guard frame.stream & 1 == 1 else {
      fail(.protocolError, "HEADERS on stream \(frame.stream), which is not a client's")
      return nil
    }
    var start: Int = input.readerIndex
    var length: Int = frame.length
    if frame.has(FrameFlags.padded) {
      guard length >= 1, let padding: UInt8 = input.getInteger(at: start), Int(padding) < length else {
        fail(.protocolError, "HEADERS whose padding is longer than they are")
        return nil
      }
      start += 1
      length -= 1 + Int(padding)
    }
    if frame.has(FrameFlags.priority) {
      // Deprecated (RFC 9113 section 5.3.2): read and not obeyed.
      guard length >= 5 else {
        fail(.frameSizeError, "HEADERS too short for their priority")
        return nil
      }
      start += 5
      length -= 5
    }
    let view: ByteBuffer = input
    if frame.has(FrameFlags.endHeaders) {
      return view.withUnsafeReadableBytes { bytes in
        let offset: Int = start - view.readerIndex
        return onBlock(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]), frame.stream, frame.has(FrameFlags.endStream))
      }
    }
    openBlock = OpenBlock(
      stream: frame.stream, endStream: frame.has(FrameFlags.endStream), bytes: view.getBytes(at: start, length: length) ?? [], frames: 1)
    return nil
  }

  mutating func onContinuation(_ frame: FrameHeader) -> Event? {
    guard var block: OpenBlock = openBlock, block.stream == frame.stream else {
      fail(.protocolError, "CONTINUATION on stream \(frame.stream) without its HEADERS")
      return nil
    }
    openBlock = nil
    block.frames += 1
    guard block.bytes.count + frame.length <= limits.headerBytes, block.frames <= HTTP2Limits.framesPerHeaderBlock else {
      fail(.enhanceYourCalm, "a header block of more than \(limits.headerBytes) bytes or \(HTTP2Limits.framesPerHeaderBlock) frames")
      return nil
    }
    input.withUnsafeReadableBytes { block.bytes.append(contentsOf: $0[..<frame.length]) }
    guard frame.has(FrameFlags.endHeaders) else {
      openBlock = block
      return nil
    }
    let whole: OpenBlock = block
    return whole.bytes.withUnsafeBytes { onBlock($0, whole.stream, whole.endStream) }
  }

  private mutating func onBlock(_ bytes: UnsafeRawBufferPointer, _ id: UInt32, _ end: Bool) -> Event? {
    let isNew: Bool = id > lastStream
    let key: RequestHeads.Key? = isNew ? RequestHeads.Key(bytes) : nil
    if isNew { lastStream = id }
    if let key, let judged: RequestRules.Judged = heads.find(key, changes: decoder.changes) { return open(id, judged, end) }
    // Whatever comes of it, the block is decoded: the table must stay in step with the peer's.
    let block: HeaderDecoder.Block
    do {
      block = try decoder.decode(bytes)
    } catch {
      fail(.compressionError, error.reason)
      return nil
    }
    guard isNew else { return onLaterBlock(block, id, end) }
    if block.isTooLarge { return tooLarge(id, end) }
    let judged: RequestRules.Judged
    do {
      judged = try RequestRules.head(block.fields, peer: peer, remoteAddress: remoteAddress)
    } catch {
      if id <= announcedLast { refuseStream(id, .protocolError, "malformed request: \(error.reason)") }
      return nil
    }
    if let key { heads.remember(key, judged) }
    return open(id, judged, end)
  }

  private mutating func open(_ id: UInt32, _ judged: RequestRules.Judged, _ end: Bool) -> Event? {
    // After the last GOAWAY nobody hears of new streams (RFC 9113 section 6.8).
    if id > announcedLast { return nil }
    guard streams.count < limits.streamsPerConnection else {
      refuseStream(id, .refusedStream, "more than \(limits.streamsPerConnection) streams at once")
      return nil
    }
    if end, let length: Int = judged.contentLength, length > 0 {
      refuseStream(id, .protocolError, "malformed request: a content-length of \(length) and no content")
      return nil
    }
    let slot: Int = streams.insert(id)
    streams.slots[slot].remoteClosed = end
    streams.slots[slot].isBodyless = judged.head.method == "HEAD"
    streams.slots[slot].sendWindow = peerInitialWindow
    streams.slots[slot].receiveWindow = limits.streamWindow
    streams.slots[slot].contentLeft = judged.contentLength
    return .request(slot: slot, head: judged.head, end: end)
  }

  private mutating func tooLarge(_ id: UInt32, _ end: Bool) -> Event? {
    if id > announcedLast { return nil }
    writeHeaders(FieldBlock(status: 431, [("content-length", "0")]), id, end: true)
    if !end { resetStream(id, .noError) }
    notices.append(.refused(reason: "a request head of more than \(limits.headerBytes) bytes or \(limits.headerFields) fields"))
    countOffence()
    return nil
  }

  /// HEADERS on a stream that is known: trailers, or an offence.
  private mutating func onLaterBlock(_ block: HeaderDecoder.Block, _ id: UInt32, _ end: Bool) -> Event? {
    let slot: Int = streams.find(id)
    guard slot >= 0, !streams.slots[slot].isDead else {
      onClosedStream(id, "HEADERS")
      return nil
    }
    guard !streams.slots[slot].remoteClosed else {
      streamError(slot, .streamClosed, "HEADERS after the end of a request")
      return nil
    }
    guard end else {
      streamError(slot, .protocolError, "malformed request: trailers that do not end it")
      return nil
    }
    do {
      if !block.isTooLarge { try RequestRules.trailers(block.fields) }
    } catch {
      streamError(slot, .protocolError, "malformed request: \(error.reason)")
      return nil
    }
    guard endOfRequest(slot) else { return nil }
    if streams.slots[slot].isPaused || streams.slots[slot].hasHeld {
      streams.slots[slot].heldEnd = true
      return nil
    }
    freeIfDone(slot)
    return .end(slot: slot)
  }

  /// Marks the request as complete; false if less came than its head announced.
  mutating func endOfRequest(_ slot: Int) -> Bool {
    if let left: Int = streams.slots[slot].contentLeft, left > 0 {
      streamError(slot, .protocolError, "malformed request: \(left) bytes fewer than its content-length")
      return false
    }
    streams.slots[slot].remoteClosed = true
    return true
  }

  mutating func freeIfDone(_ slot: Int) {
    if streams.slots[slot].remoteClosed, streams.slots[slot].localClosed, !streams.slots[slot].isDead { removeStream(slot) }
  }
}
