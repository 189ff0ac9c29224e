import Primitives

/// One member of the store as the replicated state has it: the same on every member, and there for one that joins later.
public struct MemberRecord: Hashable, Sendable {
  /// What the member shall be. One that shall vote gets its vote when it has caught up, and listens until then.
  public enum Role: UInt8, Hashable, Sendable { case voter, learner }

  public var id: MemberID
  /// Its host's name; empty until it was started and said so itself (etcd's "unstarted").
  public var name: String
  public var center: String
  /// Cities are what `citySafe` writes are safe in; empty: not known.
  public var city: String
  public var role: Role
  /// Higher leads rather.
  public var priority: Int
  /// Where its peers reach it.
  public var peerURLs: [String]
  /// Where etcd's clients reach it.
  public var clientURLs: [String]

  public init(
    id: MemberID, name: String = "", center: String = "", city: String = "", role: Role = .voter, priority: Int = 0,
    peerURLs: [String], clientURLs: [String] = []
  ) {
    self.id = id
    self.name = name
    self.center = center
    self.city = city
    self.role = role
    self.priority = priority
    self.peerURLs = peerURLs
    self.clientURLs = clientURLs
  }

  public var isStarted: Bool { !name.isEmpty }
}

extension MemberRecord {
  func encode(to writer: inout ByteWriter) {
    writer.fixed64(id.value)
    for text in [name, center, city] { writer.block(Bytes(text)) }
    writer.byte(role.rawValue)
    writer.signed(Int64(priority))
    for urls in [peerURLs, clientURLs] {
      writer.count(urls.count)
      for url in urls { writer.block(Bytes(url)) }
    }
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    let id: UInt64 = try reader.fixed64()
    guard id != 0 else { throw reader.malformed("0 is no member id") }
    let (name, center, city): (String, String, String) = (try reader.text(), try reader.text(), try reader.text())
    guard let role = Role(rawValue: try reader.byte()) else { throw reader.malformed("unknown role of a member") }
    self.init(
      id: MemberID(id), name: name, center: center, city: city, role: role, priority: Int(try reader.signed()),
      peerURLs: try reader.texts(), clientURLs: try reader.texts())
  }
}

extension ByteReader {
  /// UTF-8, or refused: what was written as text comes back as the same bytes.
  mutating func text() throws(MalformedBytes) -> String {
    let bytes: Bytes = try block()
    guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed("text that is no UTF-8") }
    return text
  }

  mutating func texts() throws(MalformedBytes) -> [String] {
    var texts: [String] = []
    for _ in 0..<(try count()) { texts.append(try text()) }
    return texts
  }
}
