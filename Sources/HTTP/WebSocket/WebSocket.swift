import NIOCore
import Synchronization

/// A WebSocket over a connection that has left HTTP. One task receives, any number send: each message goes out whole. Pings are
/// answered while somebody receives.
public final class WebSocket: Sendable {
  private let stream: DuplexStream
  private let role: WebSocketRole
  private let decoder: Mutex<WebSocketDecoder>
  private let writing: AsyncLock = AsyncLock()
  private let closeSent: Mutex<Bool> = Mutex(false)

  /// `messageLimit`: bytes of one message that is taken; more closes the connection with 1009.
  public init(_ stream: DuplexStream, role: WebSocketRole, messageLimit: Int = WebSocket.messageLimit) {
    self.stream = stream
    self.role = role
    decoder = Mutex(WebSocketDecoder(role: role, messageLimit: messageLimit))
  }

  /// What one message may hold unless said otherwise. kubectl sends 32 KiB at most.
  public static let messageLimit: Int = 1 << 20

  /// The next message; nil once the peer has closed. Throws `.protocolViolation` after it told the peer what was wrong.
  public func receive() async throws -> (isText: Bool, bytes: ByteBuffer)? {
    while true {
      let event: WebSocketEvent?
      do {
        event = try decoder.withLock { try $0.next() }
      } catch let violation as WebSocketDecoder.Violation {
        await close(violation.closeCode, violation.description)
        throw HTTPError(.protocolViolation, "The WebSocket of \(stream.remoteAddress) broke the protocol: \(violation).")
      }
      switch event {
      case .text(let bytes): return (true, bytes)
      case .binary(let bytes): return (false, bytes)
      case .ping(let bytes): try await send(.pong, bytes)
      case .pong: break
      case .close(let code, _):
        await close(code == WebSocketCloseCode.none ? WebSocketCloseCode.normal : code)
        return nil
      case nil:
        guard let bytes: ByteBuffer = try await stream.read() else { return nil }
        decoder.withLock { $0.append(bytes) }
      }
    }
  }

  public func send(_ opcode: WebSocketOpcode, front: [UInt8] = [], _ bytes: ByteBuffer) async throws {
    var frame = ByteBuffer()
    frame.reserveCapacity(front.count + bytes.readableBytes + 14)
    let mask: UInt32? = role == .client ? UInt32.random(in: .min ... .max) : nil
    WebSocketEncoder.write(opcode, front: front, bytes, mask: mask, to: &frame)
    let whole: ByteBuffer = frame
    try await writing.with { try await self.stream.write(whole) }
  }

  /// Tells the peer why, once, and closes the connection after what was sent.
  public func close(_ code: UInt16 = WebSocketCloseCode.normal, _ reason: String = "") async {
    let first: Bool = closeSent.withLock { sent in
      defer { sent = true }
      return !sent
    }
    guard first else { return }
    let mask: UInt32? = role == .client ? UInt32.random(in: .min ... .max) : nil
    let frame: ByteBuffer = WebSocketEncoder.close(code, reason, mask: mask)
    try? await writing.with { try await self.stream.write(frame) }
    await stream.close()
  }
}

/// One at a time, in the order in which they came.
final class AsyncLock: Sendable {
  private let state: Mutex<(held: Bool, waiting: [CheckedContinuation<Void, Never>])> = Mutex((false, []))

  func with<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    await withCheckedContinuation { continuation in
      let mine: Bool = state.withLock { state in
        if state.held {
          state.waiting.append(continuation)
          return false
        }
        state.held = true
        return true
      }
      if mine { continuation.resume() }
    }
    defer {
      let next: CheckedContinuation<Void, Never>? = state.withLock { state in
        if state.waiting.isEmpty {
          state.held = false
          return nil
        }
        return state.waiting.removeFirst()
      }
      next?.resume()
    }
    return try await body()
  }
}
