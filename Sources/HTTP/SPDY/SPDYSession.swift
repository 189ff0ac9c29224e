import NIOCore
import Synchronization

/// The client's end of a SPDY/3.1 connection. One task receives; any number open streams and send.
/// There is no flow control, as that server has none: whoever does not receive holds back all streams of the connection.
public final class SPDYSession: Sendable {
  private let stream: DuplexStream
  private let state: Mutex<(encoder: SPDYEncoder, nextStream: UInt32)> = Mutex((SPDYEncoder(), 1))
  private let decoder: Mutex<SPDYDecoder>
  private let writing = AsyncLock()

  /// What one frame may hold that is taken.
  public static let frameLimit: Int = 1 << 20

  public init(_ stream: DuplexStream, frameLimit: Int = SPDYSession.frameLimit) {
    self.stream = stream
    decoder = Mutex(SPDYDecoder(frameLimit: frameLimit))
  }

  /// The new stream's number. Returns before the server has answered.
  public func open(_ headers: [(name: String, value: String)]) async throws -> UInt32 {
    try await writing.with {
      // Numbered and packed under the lock: header blocks are one zlib stream in the order of the wire.
      let (number, frame): (UInt32, ByteBuffer) = self.state.withLock { state in
        let number: UInt32 = state.nextStream
        state.nextStream += 2
        return (number, state.encoder.open(number, headers: headers))
      }
      try await self.stream.write(frame)
      return number
    }
  }

  public func send(_ number: UInt32, _ bytes: ByteBuffer, final: Bool = false) async throws {
    let frame: ByteBuffer = SPDYEncoder.data(number, bytes, final: final)
    try await writing.with { try await self.stream.write(frame) }
  }

  /// The next bytes, end or reset of a stream; nil once the server has closed or says that it goes. Pings are answered.
  public func receive() async throws -> SPDYEvent? {
    while true {
      guard let event: SPDYEvent = try decoder.withLock({ try $0.next() }) else {
        guard let bytes: ByteBuffer = try await stream.read() else { return nil }
        decoder.withLock { $0.append(bytes) }
        continue
      }
      switch event {
      case .ping(let id):
        // Odd ones are answers to a client's own pings; none are sent here.
        if id & 1 == 0 { try await writing.with { try await self.stream.write(SPDYEncoder.ping(id)) } }
      case .goAway: break  // streams that are open go on; the connection's end follows
      default: return event
      }
    }
  }

  public func close() async { await stream.close() }
}
