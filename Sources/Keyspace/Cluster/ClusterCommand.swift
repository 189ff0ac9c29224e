import Primitives

/// Changes of what is replicated about the cluster itself. The leader checks before it proposes; applying one that does not fit (anymore)
/// changes nothing and answers why.
public enum ClusterCommand: Hashable, Sendable {
  /// Makes the members of the configuration files the replicated ones, before the first change at run time. Without effect once there are
  /// any.
  case adopt([MemberRecord])
  case add(MemberRecord)
  case remove(MemberID)
  case setPeerURLs(MemberID, [String])
  /// A learner shall vote.
  case promote(MemberID)
  /// What a started member says of itself: name, center, city, priority and client URLs are taken, role and peer URLs are not.
  case publish(MemberRecord)
  case setDurability(DurabilityRules)
  /// From here on `auto` writes do not wait for this city.
  case degrade(city: String, WallTime)
  /// From here on they do again.
  case restore(city: String)
  /// Survivors of a lost majority go on from here as a new cluster. In force with the entry that makes them its only voters; nobody may ask
  /// for it while there is a leader. The members are the replicated ones from here on if there were none.
  case recover(Recovery, [MemberRecord])
  /// With the entry that takes a center's votes.
  case shrink(Shrink)
  /// A center's members may vote again, as soon as they have caught up.
  case regrow(center: String)
}

extension ClusterCommand {
  func encode(to writer: inout ByteWriter) {
    switch self {
    case .adopt(let members):
      writer.byte(1)
      writer.count(members.count)
      for member in members { member.encode(to: &writer) }
    case .add(let member):
      writer.byte(2)
      member.encode(to: &writer)
    case .remove(let id):
      writer.byte(3)
      writer.fixed64(id.value)
    case .setPeerURLs(let id, let urls):
      writer.byte(4)
      writer.fixed64(id.value)
      writer.count(urls.count)
      for url in urls { writer.block(Bytes(url)) }
    case .promote(let id):
      writer.byte(5)
      writer.fixed64(id.value)
    case .publish(let member):
      writer.byte(6)
      member.encode(to: &writer)
    case .setDurability(let rules):
      writer.byte(7)
      rules.encode(to: &writer)
    case .degrade(let city, let time):
      writer.byte(8)
      writer.block(Bytes(city))
      writer.signed(time.secondsSince1970)
      writer.signed(Int64(time.nanoseconds))
    case .restore(let city):
      writer.byte(9)
      writer.block(Bytes(city))
    case .recover(let recovery, let members):
      writer.byte(10)
      recovery.encode(to: &writer)
      writer.count(members.count)
      for member in members { member.encode(to: &writer) }
    case .shrink(let shrink):
      writer.byte(11)
      shrink.encode(to: &writer)
    case .regrow(let center):
      writer.byte(12)
      writer.block(Bytes(center))
    }
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    switch try reader.byte() {
    case 1:
      var members: [MemberRecord] = []
      for _ in 0..<(try reader.count(minimumSize: 14)) { members.append(try MemberRecord(from: &reader)) }
      self = .adopt(members)
    case 2: self = .add(try MemberRecord(from: &reader))
    case 3: self = .remove(MemberID(try reader.fixed64()))
    case 4: self = .setPeerURLs(MemberID(try reader.fixed64()), try reader.texts())
    case 5: self = .promote(MemberID(try reader.fixed64()))
    case 6: self = .publish(try MemberRecord(from: &reader))
    case 7: self = .setDurability(try DurabilityRules(from: &reader))
    case 8:
      let city: String = try reader.text()
      let seconds: Int64 = try reader.signed()
      let nanoseconds: Int64 = try reader.signed()
      guard (0..<1_000_000_000).contains(nanoseconds) else { throw reader.malformed("impossible time") }
      self = .degrade(city: city, WallTime(secondsSince1970: seconds, nanoseconds: Int32(nanoseconds)))
    case 9: self = .restore(city: try reader.text())
    case 10:
      let recovery = try Recovery(from: &reader)
      var members: [MemberRecord] = []
      for _ in 0..<(try reader.count(minimumSize: 14)) { members.append(try MemberRecord(from: &reader)) }
      self = .recover(recovery, members)
    case 11: self = .shrink(try Shrink(from: &reader))
    case 12: self = .regrow(center: try reader.text())
    case let kind: throw reader.malformed("unknown change of the cluster \(kind)")
    }
  }
}
