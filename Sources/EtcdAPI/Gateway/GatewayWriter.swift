import HTTP
import NIOCore
import Primitives

/// Takes a call's answer as gRPC and gives it as JSON: one object, or for streams a line `{"result":{…}}` per message.
final class GatewayWriter: StreamWriter {
  private var writer: (any StreamWriter)?
  let eventLoop: any EventLoop
  private let route: GatewayRoute
  private let transcoder: Transcoder
  private var decoder = GRPCMessageDecoder(limit: Int(UInt32.max))
  private var answer: Bytes?
  private var headSent: Bool = false

  init(_ writer: any StreamWriter, _ route: GatewayRoute, _ transcoder: Transcoder) {
    self.writer = writer
    self.route = route
    self.transcoder = transcoder
    eventLoop = writer.eventLoop
  }

  var isOpen: Bool { writer != nil }
  var isWritable: Bool { writer?.isWritable ?? false }
  func pauseReading() { writer?.pauseReading() }
  func resumeReading() { writer?.resumeReading() }

  func reset() {
    writer?.reset()
    writer = nil
  }

  func send(_ block: FieldBlock, end: Bool) { if end { finish(GRPCStatus(trailers: block)) } }
  func sendEnd(trailers: FieldBlock?) {
    finish(trailers.map { GRPCStatus(trailers: $0) } ?? GRPCStatus(.unknown, "The call ended without a status."))
  }

  func sendData(_ bytes: ByteBuffer) {
    decoder.append(bytes)
    do {
      while let message: ByteBuffer = try decoder.next() { try take(message) }
    } catch {
      finish(GRPCStatus(.internal, "\(error)"))
    }
  }

  private func take(_ message: ByteBuffer) throws {
    var json = JSONWriter()
    guard route.streamsOut else {
      try transcoder.json(message, as: route.response, into: &json)
      answer = json.bytes
      return
    }
    json.beginObject()
    json.name("result")
    try transcoder.json(message, as: route.response, into: &json)
    json.endObject()
    line(json, status: 200)
  }

  private func line(_ json: JSONWriter, status: Int) {
    if !headSent {
      headSent = true
      writer?.send(FieldBlock(status: status, GatewayError.fields), end: false)
    }
    var bytes = ByteBuffer(bytes: json.bytes)
    bytes.writeInteger(UInt8(ascii: "\n"))
    writer?.sendData(bytes)
  }

  func refuse(_ status: GRPCStatus) { finish(status) }

  private func finish(_ status: GRPCStatus) {
    guard let writer else { return }
    if !route.streamsOut {
      self.writer = nil
      guard status.code == .ok, let answer else {
        let missing = GRPCStatus(.internal, "The call ended without an answer.")
        return GatewayError.send(status.code == .ok ? missing : status, to: writer)
      }
      return GatewayError.send(200, answer, to: writer)
    }
    if status.code != .ok {
      var json = JSONWriter()
      json.beginObject()
      json.name("error")
      GatewayError.write(status, inStream: true, to: &json)
      json.endObject()
      line(json, status: GatewayError.httpStatus(status.code))
    } else if !headSent {
      writer.send(FieldBlock(status: 200, GatewayError.fields), end: false)
    }
    self.writer = nil
    writer.sendEnd(trailers: nil)
  }
}
