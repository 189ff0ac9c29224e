import NIOCore

/// Frames into bytes.
extension HTTP2Connection {
  var outputBytes: Int { segmentBytes + output.readableBytes }

  mutating func writeFrame(length: Int, type: UInt8, flags: UInt8, stream: UInt32) {
    openFrame.id = 0
    output.writeFrameHeader(length: length, type: type, flags: flags, stream: stream)
  }

  mutating func writeHeaders(_ block: FieldBlock, _ id: UInt32, end: Bool) {
    let start: Int = output.writerIndex
    writeFrame(length: 0, type: FrameType.headers, flags: FrameFlags.endHeaders | (end ? FrameFlags.endStream : 0), stream: id)
    if !tableUpdateSent {
      tableUpdateSent = true
      output.writeInteger(HeaderEncoder.emptyTable)
    }
    block.write(into: &output)
    let length: Int = output.writerIndex - start - FrameHeader.size
    if length <= Self.frameSize {
      output.setFrameLength(length, at: start)
    } else {
      continueHeaders(start, length, id, end)
    }
  }

  /// A block that does not fit into one frame: HEADERS and CONTINUATIONs.
  private mutating func continueHeaders(_ start: Int, _ length: Int, _ id: UInt32, _ end: Bool) {
    let bytes: [UInt8] = output.getBytes(at: start + FrameHeader.size, length: length) ?? []
    output.moveWriterIndex(to: start)
    var place: Int = 0
    while place < bytes.count {
      let part: ArraySlice<UInt8> = bytes[place..<min(place + Self.frameSize, bytes.count)]
      let isLast: UInt8 = part.endIndex == bytes.count ? FrameFlags.endHeaders : 0
      if place == 0 {
        writeFrame(length: part.count, type: FrameType.headers, flags: isLast | (end ? FrameFlags.endStream : 0), stream: id)
      } else {
        writeFrame(length: part.count, type: FrameType.continuation, flags: isLast, stream: id)
      }
      output.writeBytes(part)
      place = part.endIndex
    }
  }

  /// Appends to the frame at the end of the output if that is the same stream's: many small messages of a tick are one frame.
  mutating func writeData(_ id: UInt32, _ bytes: ByteBuffer) {
    let count: Int = bytes.readableBytes
    if count > HTTP2Limits.copiedPayload {
      writeFrame(length: count, type: FrameType.data, flags: 0, stream: id)
      cutSegment()
      outputSegments.append(bytes)
      segmentBytes += count
      return
    }
    if openFrame.id == id, openFrame.length + count <= Self.frameSize {
      openFrame.length += count
      output.setFrameLength(openFrame.length, at: openFrame.start)
    } else {
      let start: Int = output.writerIndex
      writeFrame(length: count, type: FrameType.data, flags: 0, stream: id)
      openFrame = OpenFrame(id: id, start: start, length: count)
    }
    output.writeImmutableBuffer(bytes)
  }

  private mutating func cutSegment() {
    outputSegments.append(output)
    segmentBytes += output.readableBytes
    output = ByteBufferAllocator().buffer(capacity: 256)
  }

  /// At the end of a loop's tick, before `takeOutput`.
  mutating func finishTick() {
    guard !isOver else { return }
    resetEarly()
    pump()
  }

  struct Output {
    var segments: [ByteBuffer]
    var last: ByteBuffer
  }

  /// What is to be written, in order; nil: nothing.
  mutating func takeOutput() -> Output? {
    guard outputBytes > 0 else { return nil }
    let taken = Output(segments: outputSegments, last: output)
    openFrame.id = 0
    outputSegments = []
    segmentBytes = 0
    output = ByteBuffer()
    return taken
  }

  /// Takes the storage of a written buffer for the next tick; costs no allocation if the socket has let go of it already.
  mutating func reuse(_ buffer: inout ByteBuffer) {
    guard output.capacity == 0, buffer.capacity <= HTTP2Limits.keptOutput else { return }
    buffer.clear(minimumCapacity: 4096)
    swap(&output, &buffer)
  }
}
