import NIOCore
import TLS

/// The server's side of one HTTP/2 connection (RFC 9113) as a value: bytes in, events out; commands in, bytes out. No socket, clock or
/// thread of its own: `HTTP2ServerConnection` carries its bytes.
///
///     receive(bytes, now) ─▶ next() … next() → nil        pulled one by one, so that a handler may answer from inside
///     send…(slot) ─▶ finishTick() ─▶ takeOutput() → buffers to write
///
/// What must be obeyed: after `.aborted(slot)`, and after both sides of a stream have ended, its slot may be given to another stream
/// by the next call of `next()`. After `.failed` and `.drained` the connection is flushed and closed.
struct HTTP2Connection {
  enum Event {
    case request(slot: Int, head: StreamHead, end: Bool)
    /// `end`: the request is complete.
    case data(slot: Int, ByteBuffer, end: Bool)
    /// The request is complete; its trailers, if any, were judged and dropped.
    case end(slot: Int)
    /// The stream is gone before both sides ended.
    case aborted(slot: Int, reason: String)
    /// `isWritable` has said no before, and would say yes now.
    case writable(slot: Int)
    /// A request was refused on its stream; for the log.
    case refused(reason: String)
    case pong(UInt64)
    /// Nothing is open any more and nothing may be opened.
    case drained
    /// The connection is broken; a GOAWAY that says why is in the output.
    case failed(HTTP2ErrorCode, reason: String)
  }

  enum Notice {
    case aborted(slot: Int, id: UInt32, reason: String, free: Bool)
    case writable(slot: Int, id: UInt32)
    case resumed(slot: Int, id: UInt32)
    case refused(reason: String)
    case drained
    case failed(HTTP2ErrorCode, reason: String)
  }

  /// A HEADERS frame whose CONTINUATIONs are still to come.
  struct OpenBlock {
    var stream: UInt32
    var endStream: Bool
    var bytes: [UInt8]
    var frames: Int
  }

  static let maximumWindow: Int = 0x7FFF_FFFF
  static let initialWindow: Int = 65_535
  /// SETTINGS_MAX_FRAME_SIZE's default, which we neither raise nor exceed: short turns keep streams fair.
  static let frameSize: Int = 16_384
  static let preface: [UInt8] = ProtocolSniffer.preface

  let limits: HTTPLimits
  let peer: PeerIdentity?
  let remoteAddress: String

  // MARK: in
  var input: ByteBuffer = ByteBuffer()
  var prefaceSeen: Bool = false
  var settingsSeen: Bool = false
  var openBlock: OpenBlock?
  var decoder: HeaderDecoder
  var heads: RequestHeads = RequestHeads()
  var streams: StreamTable = StreamTable()
  var lastStream: UInt32 = 0
  var receiveWindow: Int = Self.initialWindow
  /// Received and not yet given back to the peer's window of the connection.
  var owed: Int = 0
  /// Held for handlers that pause, all streams together.
  var heldBytes: Int = 0
  /// Whole frames so far: how the shell sees that one stands still.
  var frames: Int = 0
  var emptyFrames: Int = 0
  /// The last streams that we reset: what the peer sent before it knew is no offence.
  var resetStreams: RecentStreams = RecentStreams()
  /// The last streams that the peer reset: what it sends on them after that is an offence, of the stream.
  var abandonedStreams: RecentStreams = RecentStreams()

  // MARK: rate limits
  let rateWindow: UInt64
  var rateStart: UInt64 = 0
  var resets: Int = 0
  var controls: Int = 0
  var glitches: Int = 0

  // MARK: out
  var output: ByteBuffer = ByteBuffer()
  /// Full buffers in front of `output`.
  var outputSegments: [ByteBuffer] = []
  var segmentBytes: Int = 0
  /// False while the socket takes nothing more: DATA and the ends of streams wait.
  var maySend: Bool = true {
    didSet { if maySend { controlBytes = 0 } }
  }
  /// Written since the socket stopped taking bytes.
  var controlBytes: Int = 0
  var sendWindow: Int = Self.initialWindow
  var peerInitialWindow: Int = Self.initialWindow
  var tableUpdateSent: Bool = false
  /// Streams with content to send that their own windows allow, in turn.
  var line: CircularBuffer<QueuedStream> = CircularBuffer(initialCapacity: 8)
  /// Streams that only have their end to send, which needs no window.
  var ends: [QueuedStream] = []
  /// Responses that ended before their requests: reset at the end of the tick unless the rest has come by then.
  var early: [QueuedStream] = []
  var pendingBytes: Int = 0
  var openFrame: OpenFrame = OpenFrame()

  // MARK: life
  var notices: [Notice] = []
  var noticeHead: Int = 0
  var isOver: Bool = false
  /// GOAWAY with the highest id was sent; the PING after it tells when nothing is under way any more.
  var isDraining: Bool = false
  /// GOAWAY with the last stream was sent: later ones are ignored.
  var isClosing: Bool = false
  var announcedLast: UInt32 = UInt32(Self.maximumWindow)
  var peerIsLeaving: Bool = false
  var drainedTold: Bool = false

  struct QueuedStream {
    var slot: Int
    var id: UInt32
  }

  /// The DATA frame at the end of the output, which may still grow.
  struct OpenFrame {
    var id: UInt32 = 0
    var start: Int = 0
    var length: Int = 0
  }

  init(limits: HTTPLimits, peer: PeerIdentity?, remoteAddress: String) {
    self.limits = limits
    self.peer = peer
    self.remoteAddress = remoteAddress
    rateWindow = UInt64(limits.rateWindow.inNanoseconds)
    decoder = HeaderDecoder(byteLimit: limits.headerBytes, fieldLimit: limits.headerFields)
    output = ByteBufferAllocator().buffer(capacity: 4096)
    writePreface()
  }

  var openStreams: Int { streams.count }
  var hasNotices: Bool { noticeHead < notices.count }
  /// Part of a frame, or of a header block, is here.
  var isMidFrame: Bool { input.readableBytes > 0 || openBlock != nil }

  // MARK: bytes in

  /// `now`: nanoseconds on any clock that goes forward.
  mutating func receive(_ bytes: ByteBuffer, now: UInt64) {
    guard !isOver else { return }
    if now &- rateStart > rateWindow {
      rateStart = now
      resets = 0
      controls = 0
    }
    guard input.readableBytes > 0 else {
      input = bytes
      return
    }
    if input.writableBytes >= bytes.readableBytes {
      // Copies at most once per frame: until it is whole nobody takes a slice.
      input.writeImmutableBuffer(bytes)
      return
    }
    // Room for the whole frame, so that one that comes in crumbs is not copied again and again.
    var whole: ByteBuffer = ByteBufferAllocator().buffer(
      capacity: max(input.readableBytes + bytes.readableBytes, (input.peekFrameHeader()?.length ?? 0) + FrameHeader.size))
    whole.writeImmutableBuffer(input)
    whole.writeImmutableBuffer(bytes)
    input = whole
  }

  /// The next event; nil: more bytes are needed.
  mutating func next() -> Event? {
    while true {
      if noticeHead < notices.count {
        let notice: Notice = notices[noticeHead]
        noticeHead += 1
        if noticeHead == notices.count {
          notices.removeAll(keepingCapacity: true)
          noticeHead = 0
        }
        if case .failed = notice { notices.removeAll() }
        if noticeHead >= notices.count { noticeHead = 0 }
        if let event: Event = event(for: notice) { return event }
        continue
      }
      guard !isOver else { return nil }
      guard let frame: FrameHeader = nextFrame() else {
        if noticeHead < notices.count { continue }
        return nil
      }
      frames &+= 1
      let end: Int = input.readerIndex + frame.length
      let event: Event? = onFrame(frame)
      if isOver { continue }
      input.moveReaderIndex(to: end)
      // An empty buffer that is kept would keep its storage.
      if input.readableBytes == 0 { input = ByteBuffer() }
      if let event { return event }
    }
  }

  private mutating func event(for notice: Notice) -> Event? {
    switch notice {
    case .aborted(let slot, let id, let reason, let free):
      guard streams.slots[slot].id == id else { return nil }
      if free { removeStream(slot) }
      return .aborted(slot: slot, reason: reason)
    case .writable(let slot, let id):
      return streams.slots[slot].id == id && !streams.slots[slot].isDead ? .writable(slot: slot) : nil
    case .resumed(let slot, let id):
      return streams.slots[slot].id == id ? deliverHeld(slot) : nil
    case .refused(let reason): return .refused(reason: reason)
    case .drained: return .drained
    case .failed(let code, let reason): return .failed(code, reason: reason)
    }
  }

  /// The header of the next whole frame, already taken from the input.
  private mutating func nextFrame() -> FrameHeader? {
    if !prefaceSeen {
      let size: Int = Self.preface.count
      let start: ArraySlice<UInt8> = Self.preface.prefix(input.readableBytes)
      guard input.readableBytesView.prefix(start.count).elementsEqual(start) else {
        fail(.protocolError, "the connection does not begin with HTTP/2's preface")
        return nil
      }
      guard input.readableBytes >= size else { return nil }
      input.moveReaderIndex(forwardBy: size)
      prefaceSeen = true
    }
    guard let frame: FrameHeader = input.peekFrameHeader() else { return nil }
    guard frame.length <= Self.frameSize else {
      fail(.frameSizeError, "a frame of \(frame.length) bytes, over \(Self.frameSize)")
      return nil
    }
    guard input.readableBytes >= FrameHeader.size + frame.length else { return nil }
    input.moveReaderIndex(forwardBy: FrameHeader.size)
    return frame
  }

  private mutating func onFrame(_ frame: FrameHeader) -> Event? {
    if !settingsSeen {
      guard frame.type == FrameType.settings, !frame.has(FrameFlags.ack) else {
        fail(.protocolError, "the first frame is not SETTINGS")
        return nil
      }
      settingsSeen = true
    }
    if openBlock != nil, frame.type != FrameType.continuation {
      fail(.protocolError, "a frame of type \(frame.type) inside a header block")
      return nil
    }
    switch frame.type {
    case FrameType.data: return onData(frame)
    case FrameType.headers: return onHeaders(frame)
    case FrameType.continuation: return onContinuation(frame)
    case FrameType.windowUpdate: onWindowUpdate(frame)
    case FrameType.resetStream: onResetStream(frame)
    case FrameType.settings: onSettings(frame)
    case FrameType.ping: return onPing(frame)
    case FrameType.goAway: onGoAway(frame)
    case FrameType.priority: onPriority(frame)
    case FrameType.pushPromise: fail(.protocolError, "a client pushes nothing")
    default: countControl()
    }
    return nil
  }
}
