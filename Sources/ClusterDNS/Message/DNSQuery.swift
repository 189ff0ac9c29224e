import Primitives

public enum DNSType {
  public static let a: UInt16 = 1
  public static let ns: UInt16 = 2
  public static let cname: UInt16 = 5
  public static let soa: UInt16 = 6
  public static let ptr: UInt16 = 12
  public static let txt: UInt16 = 16
  public static let aaaa: UInt16 = 28
  public static let srv: UInt16 = 33
  public static let opt: UInt16 = 41
  public static let any: UInt16 = 255
}

/// One question, as much of a query as a name server needs (RFC 1035 §4.1, RFC 6891 for EDNS).
public struct DNSQuery: Hashable, Sendable {
  public var id: UInt16
  public var recursionDesired: Bool
  public var name: DNSName
  public var type: UInt16
  public var queryClass: UInt16
  /// What the client says by EDNS that it takes over UDP; nil without EDNS.
  public var ednsBytes: Int?
  /// The question as it stood, for the answer: with the client's own upper and lower case.
  var question: Bytes

  /// Why a message is not answered with an answer.
  public enum Refusal: Error, Hashable, Sendable {
    /// Not a query at all: nothing may be sent back, or two servers could answer each other for ever.
    case ignore
    case formatError(id: UInt16)
    case notImplemented(id: UInt16)
    case badVersion(id: UInt16)
  }

  public static func parse(_ message: Bytes) -> Result<DNSQuery, Refusal> {
    guard message.count >= 12, message[2] & 0x80 == 0 else { return .failure(.ignore) }
    func word(_ offset: Int) -> UInt16 { UInt16(message[offset]) << 8 | UInt16(message[offset + 1]) }
    let id: UInt16 = word(0)
    guard (message[2] >> 3) & 0x0F == 0 else { return .failure(.notImplemented(id: id)) }
    guard message.count <= DNSLimits.queryBytes, word(4) == 1, word(6) == 0, word(8) == 0, word(10) <= 4 else {
      return .failure(.formatError(id: id))
    }
    var index: Int = 12
    var labels: [String] = []
    var nameBytes: Int = 1
    while true {
      guard index < message.count else { return .failure(.formatError(id: id)) }
      let length = Int(message[index])
      index += 1
      if length == 0 { break }
      nameBytes += length + 1
      // A question is the first name of its message: there is nothing that a compression pointer could point to.
      guard length <= DNSLimits.labelBytes, nameBytes <= DNSLimits.nameBytes, index + length <= message.count else {
        return .failure(.formatError(id: id))
      }
      labels.append(String(decoding: message[index..<index + length], as: UTF8.self).lowercased())
      index += length
    }
    guard index + 4 <= message.count else { return .failure(.formatError(id: id)) }
    var query = DNSQuery(
      id: id, recursionDesired: message[2] & 1 == 1, name: DNSName(labels: labels), type: word(index), queryClass: word(index + 2),
      ednsBytes: nil, question: Bytes(message[12..<index + 4]))
    index += 4
    for _ in 0..<word(10) {
      // Additional records of a query have the root name (OPT) or are nothing we know (TSIG and the like).
      guard index + 11 <= message.count, message[index] == 0 else { return .failure(.formatError(id: id)) }
      let length = Int(word(index + 9))
      guard index + 11 + length <= message.count else { return .failure(.formatError(id: id)) }
      if word(index + 1) == DNSType.opt {
        guard query.ednsBytes == nil else { return .failure(.formatError(id: id)) }
        guard message[index + 6] == 0 else { return .failure(.badVersion(id: id)) }
        query.ednsBytes = max(DNSLimits.plainUDPBytes, Int(word(index + 3)))
      }
      index += 11 + length
    }
    return .success(query)
  }
}
