import Primitives

/// Alarms that are raised, by member (etcd `AlarmMember`): replicated as the setting `alarms`.
struct Alarms: Hashable, Sendable {
  static let settingName: String = "alarms"

  enum Kind: Int32, Sendable, CaseIterable {
    /// The quota is used up: puts are refused until somebody disarms it.
    case noSpace = 1
    /// Members disagree: everything is refused.
    case corrupt = 2

    var name: String { self == .noSpace ? "NOSPACE" : "CORRUPT" }
  }
  struct Alarm: Hashable, Sendable {
    var member: UInt64
    var kind: Kind
    /// etcd's words in `Status`.
    var sentence: String { "memberID:\(member) alarm:\(kind.name)" }
  }
  /// Ascending by kind, then member.
  private(set) var raised: [Alarm] = []

  init() {}

  func isRaised(_ kind: Kind) -> Bool { raised.contains { $0.kind == kind } }

  /// False: it is so already.
  mutating func raise(_ alarm: Alarm) -> Bool {
    guard !raised.contains(alarm) else { return false }
    raised.append(alarm)
    raised.sort { ($0.kind.rawValue, $0.member) < ($1.kind.rawValue, $1.member) }
    return true
  }

  mutating func disarm(_ alarm: Alarm) -> Bool {
    guard let place: Int = raised.firstIndex(of: alarm) else { return false }
    raised.remove(at: place)
    return true
  }

  func encode() -> Bytes {
    var writer = ByteWriter()
    writer.byte(1)
    writer.count(raised.count)
    for alarm in raised {
      writer.fixed64(alarm.member)
      writer.byte(UInt8(alarm.kind.rawValue))
    }
    return writer.take()
  }

  init(_ bytes: Bytes) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == 1 else { throw reader.malformed("alarms of version \(version): upgrade this member") }
    for _ in 0..<(try reader.count(minimumSize: 9)) {
      let member: UInt64 = try reader.fixed64()
      guard let kind = Kind(rawValue: Int32(try reader.byte())) else { throw reader.malformed("unknown kind of alarm") }
      raised.append(Alarm(member: member, kind: kind))
    }
    try reader.finish()
  }
}
