/// What may grow on the link between centers, and how far. One value per `SiteLink`; tests make smaller ones.
public struct LinkLimits: Sendable {
  /// The largest frame that is sent or put together again, in bytes.
  public var frameBytes: Int = 64 << 20
  /// Frames travel in chunks of at most this many bytes; between two chunks a more urgent frame may go.
  public var chunkBytes: Int = 64 << 10
  /// The same for bulk, so that on a slow link little of it stands between a heartbeat and the wire: 13 ms at 10 Mbit/s.
  public var bulkChunkBytes: Int = 16 << 10
  /// Round trips that bulk lengthens by more than this make it slow down (`LinkPacer`). Heartbeats come every 50 ms by default.
  public var bulkDelayTarget: Duration = .milliseconds(50)
  /// The same for entries between cities. Longer, so that bulk gives way to them, and well below an election's patience (350 ms).
  public var entryDelayTarget: Duration = .milliseconds(100)
  /// Bytes of bulk per second and peer that are never exceeded, by how far the peer is; 0: no such limit.
  public var bulkBytesPerSecond: BulkRates = BulkRates()
  public var compression: LinkCompression = .far
  /// Chunks below this are sent as they are: a heartbeat has 30 bytes, and small ones do not shrink.
  public var compressedFrom: Int = 1024
  /// Bytes that wait for one peer, by priority. A frame larger than its queue can never be sent.
  public var urgentQueueBytes: Int = 1 << 20
  public var normalQueueBytes: Int = 64 << 20
  public var bulkQueueBytes: Int = 64 << 20
  /// Frames that wait for one peer and priority, whatever their size.
  public var queuedFrames: Int = 65_536
  /// Bytes handed to a connection in one go before the loop does something else.
  public var bytesPerTurn: Int = 1 << 20
  /// Accepted connections that have not said who they are. The next one is closed at once.
  public var halfOpenConnections: Int = 64
  /// The same of one address, so that one stranger does not keep the members out.
  public var halfOpenPerAddress: Int = 16
  /// From accepting or dialling a connection to the end of its hello.
  public var helloTimeout: Duration = .seconds(5)
  public var connectTimeout: Duration = .seconds(1)
  /// Between pings, which also measure the round trip.
  public var pingInterval: Duration = .milliseconds(500)
  /// A dialled connection without a pong for so long is taken for cut, and dialled anew.
  public var silence: Duration = .seconds(2)
  /// The two connections with a peer end within so long when its process ends.
  public var goneTogether: Duration = .milliseconds(200)
  /// Between attempts to connect: doubled from the first to the second, less up to half of it at random.
  public var firstRetry: Duration = .milliseconds(50)
  public var lastRetry: Duration = .seconds(1)

  public init() {}

  /// Names, ids and sentences: everything but messages fits.
  static let controlBytes: Int = 1024
  /// Linux TCP_NOTSENT_LOWAT: the kernel takes no more than this beyond what is already on its way, so that what is urgent waits behind
  /// that much and not behind megabytes of socket buffer. What is in flight is not limited by it.
  static func unsentInKernel(_ distance: LinkDistance) -> Int { distance == .far ? 16 << 10 : 64 << 10 }
  /// Bytes that are taken from the queue in one piece, and what may wait in the process behind the kernel. Between cities less: links are
  /// slower there, and 64 KiB are 50 ms at 10 Mbit/s.
  func pieceBytes(_ distance: LinkDistance) -> Int { distance == .far ? min(chunkBytes, 16 << 10) : chunkBytes }
  /// A ping goes behind so many bytes of entries: a put for itself needs none, and what no ping confirms stays short.
  static let markedEntries: Int = 8 << 10
  /// Most bytes of a sentence that is kept or sent.
  static let sentenceBytes: Int = 512

  func queueBytes(_ priority: LinkPriority) -> Int {
    switch priority {
    case .urgent: urgentQueueBytes
    case .normal: normalQueueBytes
    case .bulk: bulkQueueBytes
    }
  }

  func check() {
    precondition(bulkChunkBytes >= 1024 && bulkChunkBytes <= 1 << 20, "a chunk of bulk has 1 KiB to 1 MiB, not \(bulkChunkBytes) bytes")
    precondition(bulkDelayTarget > .zero && compressedFrom >= 64, "bulk's delay and what is compressed must be positive")
    precondition(entryDelayTarget > bulkDelayTarget, "bulk gives way to entries: its delay must be the shorter")
    precondition(chunkBytes >= 1024 && chunkBytes <= 1 << 20, "a chunk has 1 KiB to 1 MiB, not \(chunkBytes) bytes")
    precondition(frameBytes >= chunkBytes && frameBytes < 1 << 31, "a frame of \(frameBytes) bytes does not fit its limits")
    precondition(urgentQueueBytes > 0 && bytesPerTurn >= chunkBytes, "a turn must have room for a chunk")
    precondition(silence >= pingInterval * 2, "silence of \(silence) is noticed by pings every \(pingInterval)")
    precondition(firstRetry > .zero && firstRetry <= lastRetry, "retries go from \(firstRetry) to \(lastRetry)")
  }
}

/// Bytes per second by how far a peer is; 0: no limit but what the link gives.
public struct BulkRates: Sendable, Hashable {
  public var sameCenter: Int = 0
  public var sameCity: Int = 200 << 20
  public var far: Int = 50 << 20

  public init(sameCenter: Int = 0, sameCity: Int = 200 << 20, far: Int = 50 << 20) {
    self.sameCenter = sameCenter
    self.sameCity = sameCity
    self.far = far
  }

  public subscript(_ distance: LinkDistance) -> Int {
    switch distance {
    case .sameCenter: sameCenter
    case .sameCity: sameCity
    case .far: far
    }
  }
}
