import HTTP
import NIOCore
import Primitives

/// One request of the gateway: its JSON goes to the call as messages, the call's answers go through `GatewayWriter`.
final class GatewayStream: StreamHandler {
  private let route: GatewayRoute
  private let call: any StreamHandler
  private let transcoder: Transcoder
  private let bodyLimit: Int
  private var output: GatewayWriter?
  private var body: Bytes = []
  private var splitter = JSONSplitter()

  init(_ route: GatewayRoute, _ call: any StreamHandler, _ transcoder: Transcoder, bodyLimit: Int) {
    self.bodyLimit = bodyLimit
    self.route = route
    self.call = call
    self.transcoder = transcoder
  }

  func onHeaders(_ head: StreamHead, writer: any StreamWriter) {
    let output = GatewayWriter(writer, route, transcoder)
    self.output = output
    call.onHeaders(head.calling(route.method), writer: output)
  }

  func onData(_ bytes: ByteBuffer) {
    guard output?.isOpen ?? false else { return }
    body += bytes.readableBytesView
    guard body.count <= bodyLimit else {
      return refuse(
        GRPCStatus(.resourceExhausted, "grpc: received message larger than max (\(body.count) vs. \(bodyLimit))"))
    }
    guard route.streamsIn else { return }
    do throws(JSONFault) {
      while let value: Bytes = try splitter.next(&body) { forward(try transcoder.bytes(try JSONTree(value), as: route.request)) }
    } catch {
      refuse(GRPCStatus(.invalidArgument, error.description))
    }
  }

  func onEnd() {
    guard output?.isOpen ?? false else { return }
    do throws(JSONFault) {
      if route.streamsIn {
        guard splitter.isBetweenValues else { throw JSONFault(reason: "unexpected EOF", offset: body.count) }
      } else {
        // No body at all stands for an empty message.
        let empty: Bool = body.allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        forward(empty ? ByteBuffer() : try transcoder.bytes(try JSONTree(body), as: route.request))
        body = []
      }
      call.onEnd()
    } catch {
      refuse(GRPCStatus(.invalidArgument, error.description))
    }
  }

  private func forward(_ message: ByteBuffer) {
    var frame = ByteBufferAllocator().buffer(capacity: message.readableBytes + 5)
    frame.writeInteger(UInt8(0))
    frame.writeInteger(UInt32(message.readableBytes), endianness: .big)
    frame.writeImmutableBuffer(message)
    call.onData(frame)
  }

  /// What is no message: the call never hears of it, and ends.
  private func refuse(_ status: GRPCStatus) {
    body = []
    output?.refuse(status)
    call.onReset(HTTPError(.cancelled, "The gateway refused the request: \(status.message)"))
  }

  func onReset(_ error: HTTPError) { call.onReset(error) }
  func onWritable() { call.onWritable() }
}

/// Finds where one JSON object ends and the next begins, in bytes that come in pieces.
struct JSONSplitter {
  private var scanned: Int = 0
  private var depth: Int = 0
  private var inString: Bool = false
  private var escaped: Bool = false

  /// Nothing but white space is held.
  var isBetweenValues: Bool { depth == 0 }

  /// Takes the next whole object from the front of `bytes`; nil until more come.
  mutating func next(_ bytes: inout Bytes) throws(JSONFault) -> Bytes? {
    while scanned < bytes.count {
      let byte: UInt8 = bytes[scanned]
      scanned += 1
      if inString {
        if escaped { escaped = false } else if byte == UInt8(ascii: "\\") { escaped = true } else { inString = byte != UInt8(ascii: "\"") }
        continue
      }
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        guard depth >= 0 else { throw JSONFault(reason: "an end without a beginning", offset: scanned) }
        if depth == 0 {
          let value = Bytes(bytes[..<scanned])
          bytes.removeFirst(scanned)
          scanned = 0
          return value
        }
      case UInt8(ascii: "\""):
        guard depth > 0 else { throw JSONFault(reason: "an object was expected", offset: scanned) }
        inString = true
      case 0x20, 0x09, 0x0A, 0x0D: break
      default: if depth == 0 { throw JSONFault(reason: "an object was expected", offset: scanned) }
      }
    }
    return nil
  }
}
