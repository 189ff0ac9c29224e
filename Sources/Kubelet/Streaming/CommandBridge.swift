import HTTP
import KubeModel
import NIOCore
import Primitives

/// Exec and attach: the channels of a client's WebSocket on one side, the streams of the runtime's SPDY on the other.
///
///     client  ── [0] stdin ──▶                      ▶── stdin ───▶  runtime
///             ◀─ [1] stdout ──   CommandBridge      ◀── stdout ──
///             ◀─ [2] stderr ──                      ◀── stderr ──
///             ◀─ [3] status ──  first byte: channel ◀── error  ──   Status as JSON, with the exit code
///             ── [4] size ───▶                      ▶── resize ──▶
///             ── [255][0] ───▶  v5: end of stdin    ▶── FIN ─────▶
///
/// Nothing is kept: each side is read when the other has taken what came before.
/// Source: https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
struct CommandBridge {
  enum Channel {
    static let standardInput: UInt8 = 0
    static let standardOutput: UInt8 = 1
    static let standardError: UInt8 = 2
    static let status: UInt8 = 3
    static let size: UInt8 = 4
    static let close: UInt8 = 255
  }
  /// In the order of preference; what came before v4 has no exit code.
  static let protocols: [String] = ["v5.channel.k8s.io", "v4.channel.k8s.io"]

  let socket: WebSocket
  let session: SPDYSession
  let options: StreamOptions
  /// v5: a channel can be closed by itself.
  let closesChannels: Bool

  /// Until the command has ended or the client has left. Both connections are closed then.
  func run() async {
    do {
      try await carry()
      await socket.close()
    } catch {
      try? await fail("\((error as? KubeletError)?.message ?? "the connection to the container runtime was lost")")
      await socket.close(WebSocketCloseCode.internalError)
    }
    await session.close()
  }

  private func carry() async throws {
    // The error stream first, as the server expects of its own clients.
    let status: UInt32 = try await session.open([("streamtype", "error")])
    var channels: [UInt32: UInt8] = [status: Channel.status]
    let input: UInt32? = options.standardInput ? try await session.open([("streamtype", "stdin")]) : nil
    if options.standardOutput { channels[try await session.open([("streamtype", "stdout")])] = Channel.standardOutput }
    if options.standardError { channels[try await session.open([("streamtype", "stderr")])] = Channel.standardError }
    let size: UInt32? = options.terminal ? try await session.open([("streamtype", "resize")]) : nil
    // Tells the client that its streams stand.
    let first: UInt8 =
      options.standardOutput ? Channel.standardOutput : options.standardError ? Channel.standardError : Channel.status
    try await socket.send(.binary, front: [first], ByteBuffer())
    let outputs: [UInt32: UInt8] = channels
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await self.upwards(input: input, size: size)
        return false
      }
      group.addTask {
        try await self.downwards(outputs, status: status)
        return true
      }
      defer { group.cancelAll() }
      // The client's end alone is no end while it only listens; but a client that is gone is.
      if try await group.next() == false { await session.close() }
    }
  }

  private func upwards(input: UInt32?, size: UInt32?) async throws {
    while let message = try await socket.receive() {
      var bytes: ByteBuffer = message.bytes
      guard let channel: UInt8 = bytes.readInteger() else { continue }
      switch channel {
      case Channel.standardInput:
        // An empty message is a client's way to ask whether we are there.
        if let input, bytes.readableBytes > 0 { try await session.send(input, bytes) }
      case Channel.size: if let size { try await session.send(size, bytes) }
      case Channel.close where closesChannels:
        if let input, bytes.readInteger(as: UInt8.self) == Channel.standardInput {
          try await session.send(input, ByteBuffer(), final: true)
        }
      default: break
      }
    }
  }

  private func downwards(_ channels: [UInt32: UInt8], status: UInt32) async throws {
    var open: Set<UInt32> = Set(channels.keys)
    var told: Bool = false
    while !open.isEmpty, let event: SPDYEvent = try await session.receive() {
      switch event {
      case .data(let stream, let bytes, let final):
        if let channel: UInt8 = channels[stream], bytes.readableBytes > 0 {
          if stream == status { told = true }
          try await socket.send(.binary, front: [channel], bytes)
        }
        if final { open.remove(stream) }
      case .reset(let stream, _): open.remove(stream)
      case .ping, .goAway: break
      }
    }
    if !told { try await fail("the container runtime ended the connection without a status") }
  }

  private func fail(_ message: String) async throws {
    let status = KubeStatus(code: 500, reason: "InternalError", message: message)
    try await socket.send(.binary, front: [Channel.status], ByteBuffer(bytes: status.json.serialized()))
  }
}
