import Glibc
import HTTPTypes
import NIOCore
import Processes
import Synchronization
import Testing

@testable import HTTP

/// Real clients over sockets.
@Suite struct HTTP2ClientsTests {
  private func withServer(
    _ codec: HTTPServerConfiguration.HTTP2Codec, _ body: (Int, EchoResponder) async throws -> Void
  ) async throws {
    var configuration = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), logger: quiet("server"), grace: .milliseconds(100))
    configuration.http2 = codec
    // Not what these tests are about: a busy machine must not look like a slow client.
    configuration.limits.headTimeout = .seconds(120)
    let responder = EchoResponder()
    let server = HTTPServer(configuration, responder: responder)
    try await server.start()
    do { try await body(try #require(server.port), responder) } catch { Issue.record(error) }
    await server.shutdown()
  }

  @Test(
    .enabled(if: access("/usr/bin/curl", X_OK) == 0, "curl is not installed"), arguments: [HTTPServerConfiguration.HTTP2Codec.own, .nio])
  func curlWithPriorKnowledge(_ codec: HTTPServerConfiguration.HTTP2Codec) async throws {
    let file: String = "/tmp/tricenter-h2-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    let descriptor: Int32 = open(file, O_CREAT | O_WRONLY, 0o600)
    #expect(descriptor >= 0)
    #expect(ftruncate(descriptor, 3_000_000) == 0)
    close(descriptor)
    defer { unlink(file) }
    try await withServer(codec) { port, _ in
      let base: String = "http://127.0.0.1:\(port)"
      let common: [String] = ["curl", "--http2-prior-knowledge", "-sS"]
      // One address for each curl: 7.88 cannot use a connection twice with prior knowledge.
      let get: String = try await Command(common + ["-w", " %{http_version} %{http_code}", base + "/hello"], timeout: .seconds(60)).run()
      #expect(get == "hello GET 2 200")
      let head: String = try await Command(
        common + ["-I", "-w", "%{http_version} %{http_code}", base + "/nothing"], timeout: .seconds(60)
      ).run()
      #expect(head.contains("content-length: 11"))
      #expect(head.hasSuffix("2 404"))
      let upload: String = try await Command(
        common + [
          "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_upload} %{size_download}", "--data-binary", "@" + file,
          base + "/echo",
        ], timeout: .seconds(60)
      ).run()
      #expect(upload == "2 200 3000000 3000000")
    }
  }

  /// A connection that breaks the rules is told why, and only it is closed.
  @Test func aBrokenConnectionIsToldWhy() async throws {
    try await withServer(.own) { port, _ in
      let raw = try await RawConnection(port: port)
      var bytes = ByteBuffer(bytes: HTTP2Connection.preface)
      CodecScript.frame(&bytes, FrameType.settings, 0, 0, ByteBuffer())
      CodecScript.frame(&bytes, FrameType.data, 0, 1, ByteBuffer(string: "x"))
      try await raw.send(bytes)
      try await eventually("closed") { raw.isClosed }
      #expect(raw.text.contains("DATA on stream 1, which is not open"))
    }
  }

  /// A client that reads nothing: the server stops, and its memory with it.
  @Test func aClientThatDoesNotReadStopsTheWriter() async throws {
    try await withServer(.own) { port, responder in
      let raw = try await RawConnection(port: port)
      try await raw.channel.setOption(.autoRead, value: false).get()
      var bytes = ByteBuffer(bytes: HTTP2Connection.preface)
      var settings = ByteBuffer(integer: SettingID.initialWindowSize)
      settings.writeInteger(UInt32(HTTP2Connection.maximumWindow))
      CodecScript.frame(&bytes, FrameType.settings, 0, 0, settings)
      CodecScript.frame(&bytes, FrameType.windowUpdate, 0, 0, ByteBuffer(integer: UInt32(HTTP2Connection.maximumWindow - 65_535)))
      // :method GET, :scheme http, :path /endless, :authority a
      var block = ByteBuffer(bytes: [0x82, 0x86, 0x04, 0x08])
      block.writeString("/endless")
      block.writeBytes([0x01, 0x01, 0x61])
      CodecScript.frame(&bytes, FrameType.headers, 5, 1, block)
      try await raw.send(bytes)
      try await eventually("the response begins") { responder.seen.written.load(ordering: .relaxed) > 0 }
      var last: Int = -1
      // Still: twice the same count with time for thousands of writes between.
      while true {
        try await Task.sleep(for: .milliseconds(100))
        let written: Int = responder.seen.written.load(ordering: .relaxed)
        if written == last { break }
        last = written
      }
      #expect(last < 32 << 20)
      raw.close()
      try await eventually("the responder is cancelled") { responder.seen.cancelled.load(ordering: .sequentiallyConsistent) == 1 }
    }
  }

  /// A client that says goodbye and then takes its time: what it asked for before comes whole, then the connection ends.
  @Test func aClientThatLeavesHasItsLastResponse() async throws {
    let total: Int = 3 << 20
    let router: StreamRouter = { _ in LargeAnswer(total) }
    var configuration = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), logger: quiet("server"), grace: .milliseconds(100))
    configuration.http2 = .own
    configuration.limits.headTimeout = .seconds(120)
    let server = HTTPServer(configuration, streams: router, responder: EchoResponder())
    try await server.start()
    let raw = try await RawConnection(port: try #require(server.port))
    try await raw.channel.setOption(.autoRead, value: false).get()
    var bytes = ByteBuffer(bytes: HTTP2Connection.preface)
    var settings = ByteBuffer(integer: SettingID.initialWindowSize)
    settings.writeInteger(UInt32(HTTP2Connection.maximumWindow))
    CodecScript.frame(&bytes, FrameType.settings, 0, 0, settings)
    CodecScript.frame(&bytes, FrameType.windowUpdate, 0, 0, ByteBuffer(integer: UInt32(total)))
    CodecScript.frame(&bytes, FrameType.headers, 5, 1, ByteBuffer(bytes: [0x82, 0x86, 0x84, 0x01, 0x01, 0x61]))
    CodecScript.frame(&bytes, FrameType.goAway, 0, 0, ByteBuffer(integer: UInt64(0)))
    try await raw.send(bytes)
    try await Task.sleep(for: .milliseconds(200))
    try await raw.channel.setOption(.autoRead, value: true).get()
    try await eventually("the connection is closed") { raw.isClosed }
    let received: Int = raw.text.utf8.reduce(0) { $1 == UInt8(ascii: "y") ? $0 + 1 : $0 }
    #expect(received >= total)
    await server.shutdown()
  }
}

private final class LargeAnswer: StreamHandler {
  private let size: Int
  init(_ size: Int) { self.size = size }
  func onHeaders(_ head: StreamHead, writer: any StreamWriter) {
    writer.send(FieldBlock(status: 200, []), end: false)
    writer.sendData(ByteBuffer(repeating: UInt8(ascii: "y"), count: size))
    writer.sendEnd(trailers: nil)
  }
  func onData(_ bytes: ByteBuffer) {}
  func onEnd() {}
  func onReset(_ error: HTTPError) {}
}
