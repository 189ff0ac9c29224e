import HTTPTypes
import NIOCore
import TLS

/// The opening handshake (RFC 6455 section 4).
public enum WebSocketHandshake {
  public static let version = "13"
  private static let key = HTTPField.Name("Sec-WebSocket-Key")!
  private static let accept = HTTPField.Name("Sec-WebSocket-Accept")!
  private static let versionField = HTTPField.Name("Sec-WebSocket-Version")!
  private static let `protocol` = HTTPField.Name("Sec-WebSocket-Protocol")!

  /// The subprotocols that a request offers, in its order.
  public static func offered(_ request: HTTPRequest) -> [String] {
    request.headerFields[values: `protocol`].flatMap { $0.split(separator: ",") }
      .map { $0.trimming { $0 == " " || $0 == "\t" } }.filter { !$0.isEmpty }
  }

  /// The answer to a valid request: status 101 and the proof that it was read. Throws `.protocolViolation` naming what is missing.
  /// `subprotocol`: one of those offered, or nil where none was asked for.
  public static func answer(_ request: HTTPRequest, subprotocol: String?) throws -> HTTPResponse {
    guard request.method == .get else { throw HTTPError(.protocolViolation, "A WebSocket begins with GET.") }
    guard request.headerFields[versionField] == version else {
      throw HTTPError(.protocolViolation, "Only version \(version) of WebSocket is spoken here (RFC 6455).")
    }
    guard let key: String = request.headerFields[key], isKey(key) else {
      throw HTTPError(.protocolViolation, "Sec-WebSocket-Key must be 16 bytes in base64.")
    }
    var head = HTTPResponse(status: .init(code: 101))
    head.headerFields[HTTPField.Name("Upgrade")!] = "websocket"
    head.headerFields[accept] = proof(key)
    if let subprotocol { head.headerFields[`protocol`] = subprotocol }
    return head
  }

  /// A client's request; `key`: 16 random bytes.
  public static func request(authority: String, path: String, subprotocols: [String], key: [UInt8]) -> HTTPRequest {
    var fields = HTTPFields()
    fields[HTTPField.Name("Connection")!] = "Upgrade"
    fields[HTTPField.Name("Upgrade")!] = "websocket"
    fields[versionField] = version
    fields[self.key] = encode(key)
    if !subprotocols.isEmpty { fields[`protocol`] = subprotocols.joined(separator: ", ") }
    return HTTPRequest(method: .get, scheme: "http", authority: authority, path: path, headerFields: fields)
  }

  /// Whether a server's answer fits to the client's request, and the subprotocol that it chose.
  public static func check(_ response: HTTPResponse, to request: HTTPRequest) throws -> String? {
    guard response.status.code == 101, response.headerFields[accept] == request.headerFields[key].map(proof) else {
      throw HTTPError(.protocolViolation, "The server's answer (\(response.status.code)) does not open a WebSocket.")
    }
    let chosen: String? = response.headerFields[`protocol`]
    if let chosen, !offered(request).contains(chosen) {
      throw HTTPError(.protocolViolation, "The server chose the subprotocol \(chosen), which was not offered.")
    }
    return chosen
  }

  /// Section 1.3.
  static func proof(_ key: String) -> String { encode(SHA1.digest(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))) }

  private static func isKey(_ text: String) -> Bool {
    text.utf8.count == 24 && text.hasSuffix("==")
      && text.utf8.dropLast(2).allSatisfy { byte in
        (65...90).contains(byte) || (97...122).contains(byte) || (48...57).contains(byte) || byte == 43 || byte == 47
      }
  }

  private static let alphabet: [UInt8] = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part: ArraySlice<UInt8> = bytes[start..<min(start + 3, bytes.count)]
      let padded: [UInt8] = Array(part) + [UInt8](repeating: 0, count: 3 - part.count)
      let bits: UInt32 = UInt32(padded[0]) << 16 | UInt32(padded[1]) << 8 | UInt32(padded[2])
      for place in 0..<4 { out.append(place <= part.count ? alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)] : 61) }
    }
    return String(decoding: out, as: UTF8.self)
  }
}

extension Substring {
  fileprivate func trimming(_ isBlank: (Character) -> Bool) -> String {
    var text: Substring = self
    while let first: Character = text.first, isBlank(first) { text.removeFirst() }
    while let last: Character = text.last, isBlank(last) { text.removeLast() }
    return String(text)
  }
}

/// FIPS 180-4. WebSocket's proof of the handshake needs it and nothing here relies on it for security.
enum SHA1 {
  static func digest(_ message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    var padded: [UInt8] = message + [0x80]
    padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
    let bits: UInt64 = UInt64(message.count) * 8
    for shift: UInt64 in [56, 48, 40, 32, 24, 16, 8, 0] { padded.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    for block in stride(from: 0, to: padded.count, by: 64) { mix(&state, padded[block..<block + 64]) }
    var out: [UInt8] = []
    for word in state { for shift: UInt32 in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: word >> shift)) } }
    return out
  }

  private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }

  private static func mix(_ state: inout [UInt32], _ block: ArraySlice<UInt8>) {
    var words: [UInt32] = []
    words.reserveCapacity(80)
    for at in stride(from: block.startIndex, to: block.endIndex, by: 4) {
      var word: UInt32 = 0
      for byte in block[at..<at + 4] { word = word << 8 | UInt32(byte) }
      words.append(word)
    }
    for index in 16..<80 {
      let mixed: UInt32 = words[index - 3] ^ words[index - 8] ^ words[index - 14]
      words.append(rotate(mixed ^ words[index - 16], 1))
    }
    var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
    for index in 0..<80 {
      let mixed: UInt32
      let constant: UInt32
      switch index {
      case 0..<20: (mixed, constant) = ((b & c) | (~b & d), 0x5A82_7999)
      case 20..<40: (mixed, constant) = (b ^ c ^ d, 0x6ED9_EBA1)
      case 40..<60: (mixed, constant) = ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
      default: (mixed, constant) = (b ^ c ^ d, 0xCA62_C1D6)
      }
      var next: UInt32 = rotate(a, 5) &+ mixed
      next = next &+ e &+ constant &+ words[index]
      (e, d, c, b, a) = (d, c, rotate(b, 30), a, next)
    }
    state = zip(state, [a, b, c, d, e]).map { $0 &+ $1 }
  }
}
