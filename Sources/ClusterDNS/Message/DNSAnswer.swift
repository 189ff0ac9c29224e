import Primitives

public struct DNSRecord: Hashable, Sendable {
  public enum Data: Hashable, Sendable {
    case a([UInt8])
    case aaaa([UInt8])
    case cname(DNSName)
    case ptr(DNSName)
    case ns(DNSName)
    case srv(priority: UInt16, weight: UInt16, port: UInt16, target: DNSName)
    case txt([String])
    case soa(primary: DNSName, mailbox: DNSName, serial: UInt32, negativeTTL: UInt32)
  }
  public var name: DNSName
  public var ttlSeconds: UInt32
  public var data: Data

  public init(name: DNSName, ttlSeconds: UInt32, data: Data) {
    self.name = name
    self.ttlSeconds = ttlSeconds
    self.data = data
  }

  public var type: UInt16 {
    switch data {
    case .a: DNSType.a
    case .aaaa: DNSType.aaaa
    case .cname: DNSType.cname
    case .ptr: DNSType.ptr
    case .ns: DNSType.ns
    case .srv: DNSType.srv
    case .txt: DNSType.txt
    case .soa: DNSType.soa
    }
  }
}

/// What a name server says to one question.
public struct DNSAnswer: Hashable, Sendable {
  public enum Code: UInt8, Sendable {
    case noError = 0, formatError = 1, serverFailure = 2, nameError = 3, notImplemented = 4, refused = 5, badVersion = 16
  }
  public var code: Code
  public var answers: [DNSRecord]
  public var authority: [DNSRecord]
  public var additional: [DNSRecord]

  public init(_ code: Code, answers: [DNSRecord] = [], authority: [DNSRecord] = [], additional: [DNSRecord] = []) {
    self.code = code
    self.answers = answers
    self.authority = authority
    self.additional = additional
  }

  /// The message. What does not fit in `limit` bytes is left out and the answer marked as truncated (TC), so that the client asks over TCP.
  public func encode(for query: DNSQuery, limit: Int) -> Bytes {
    var message: Bytes = Self.header(id: query.id, code: code, recursionDesired: query.recursionDesired, questions: 1)
    if code != .refused { message[2] |= 0x04 }  // authoritative
    message += query.question
    var encoder = RecordEncoder(message: message, questionName: query.name)
    let reserved: Int = query.ednsBytes == nil ? 0 : 11
    for (section, records) in [(6, answers), (8, authority), (10, additional)] {
      for record in records {
        guard encoder.append(record, section: section, limit: limit - reserved) else {
          // Additional records are a courtesy (RFC 2181 §9): leaving them out is no truncation.
          if section != 10 { encoder.message[2] |= 0x02 }
          return finish(encoder, query)
        }
      }
    }
    return finish(encoder, query)
  }

  private func finish(_ encoder: RecordEncoder, _ query: DNSQuery) -> Bytes {
    var encoder: RecordEncoder = encoder
    if query.ednsBytes != nil { encoder.appendOption(code: code) }
    return encoder.message
  }

  static func header(id: UInt16, code: Code, recursionDesired: Bool, questions: UInt8) -> Bytes {
    [UInt8(id >> 8), UInt8(id & 0xFF), 0x80 | (recursionDesired ? 1 : 0), code.rawValue & 0x0F, 0, questions, 0, 0, 0, 0, 0, 0]
  }

  /// The answer to a message that is no question; nil if nothing may be sent.
  public static func encode(_ refusal: DNSQuery.Refusal) -> Bytes? {
    switch refusal {
    case .ignore: return nil
    case .formatError(let id): return header(id: id, code: .formatError, recursionDesired: false, questions: 0)
    case .notImplemented(let id): return header(id: id, code: .notImplemented, recursionDesired: false, questions: 0)
    case .badVersion(let id):
      var encoder = RecordEncoder(
        message: header(id: id, code: .badVersion, recursionDesired: false, questions: 0), questionName: DNSName(""))
      encoder.appendOption(code: .badVersion)
      return encoder.message
    }
  }
}

/// Appends records, naming the question's name by a pointer to it (RFC 1035 §4.1.4).
struct RecordEncoder {
  var message: Bytes
  let questionName: DNSName

  private mutating func count(_ section: Int) {
    let value: UInt16 = (UInt16(message[section]) << 8 | UInt16(message[section + 1])) + 1
    message[section] = UInt8(value >> 8)
    message[section + 1] = UInt8(value & 0xFF)
  }

  private static func word(_ value: UInt16) -> Bytes { [UInt8(value >> 8), UInt8(value & 0xFF)] }
  private static func long(_ value: UInt32) -> Bytes { word(UInt16(value >> 16)) + word(UInt16(value & 0xFFFF)) }

  mutating func append(_ record: DNSRecord, section: Int, limit: Int) -> Bool {
    let data: Bytes =
      switch record.data {
      case .a(let address), .aaaa(let address): address
      case .cname(let name), .ptr(let name), .ns(let name): name.wire
      case .srv(let priority, let weight, let port, let target): Self.word(priority) + Self.word(weight) + Self.word(port) + target.wire
      case .txt(let texts): texts.flatMap { text in [UInt8(min(255, text.utf8.count))] + Bytes(text.utf8.prefix(255)) }
      case .soa(let primary, let mailbox, let serial, let negativeTTL):
        primary.wire + mailbox.wire + Self.long(serial) + Self.long(7_200) + Self.long(1_800) + Self.long(86_400) + Self.long(negativeTTL)
      }
    let name: Bytes = record.name == questionName ? [0xC0, 12] : record.name.wire
    let whole: Bytes = name + Self.word(record.type) + Self.word(1) + Self.long(record.ttlSeconds) + Self.word(UInt16(data.count)) + data
    guard message.count + whole.count <= limit else { return false }
    message += whole
    count(section)
    return true
  }

  /// EDNS: our own size, and the upper bits of codes above 15 (RFC 6891 §6.1.3).
  mutating func appendOption(code: DNSAnswer.Code) {
    message += [0] + Self.word(DNSType.opt) + Self.word(UInt16(DNSLimits.ednsUDPBytes)) + [code.rawValue >> 4, 0, 0, 0, 0, 0]
    count(10)
  }
}
