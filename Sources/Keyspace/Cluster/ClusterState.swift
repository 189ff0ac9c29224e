import Primitives

/// What is replicated beside the keys: who the members are, how safe writes must be, which cities `auto` writes do not wait for.
/// A value with the same content on every member at the same log index, and in every snapshot.
public struct ClusterState: Hashable, Sendable {
  /// A barrier in the log: `auto` writes behind it were acknowledged without this city.
  public struct Degradation: Hashable, Sendable {
    public var city: String
    /// Index of the barrier's entry. Everything acknowledged before it as `auto` or `citySafe` is in the city or waited for the barrier.
    public var index: UInt64
    /// The keyspace's revision at the barrier.
    public var revision: Int64
    /// When the leader saw that it must, on its clock.
    public var since: WallTime
    public init(city: String, index: UInt64, revision: Int64, since: WallTime) {
      self.city = city
      self.index = index
      self.revision = revision
      self.since = since
    }
  }

  /// Sorted by id. Empty until members change at run time for the first time: the configuration's are in force.
  public private(set) var members: [MemberRecord] = []
  /// Ids that were members and never will be again, sorted.
  public private(set) var removed: [MemberID] = []
  public private(set) var durability = DurabilityRules()
  /// Sorted by city.
  public private(set) var degradations: [Degradation] = []
  /// Every time when survivors of a lost majority became a new cluster, oldest first; the newest 16.
  public private(set) var recoveries: [Recovery] = []
  /// Centers whose members do not vote, sorted by name.
  public private(set) var shrinks: [Shrink] = []
  /// Index of the entry that last changed anything here.
  public private(set) var changedAt: UInt64 = 0

  public init() {}

  public func member(_ id: MemberID) -> MemberRecord? { members.first { $0.id == id } }
  /// 0: the cluster as it was founded. One more with every recovery.
  public var epoch: UInt64 { recoveries.last?.epoch ?? 0 }
  public func shrink(of center: String) -> Shrink? { shrinks.first { $0.center == center } }
  public func isDegraded(_ city: String) -> Bool { degradations.contains { $0.city == city } }

  mutating func apply(_ command: ClusterCommand, at index: UInt64, revision: Int64) throws(KeyspaceError) {
    switch command {
    case .adopt(let records):
      guard members.isEmpty else { return }
      members = records.sorted { $0.id < $1.id }
    case .add(let record):
      guard member(record.id) == nil, !removed.contains(record.id) else {
        throw KeyspaceError(.memberExists, "member \(record.id) is or was one already: ids are never used again")
      }
      try checkURLs(record.peerURLs, except: nil)
      members.append(record)
      members.sort { $0.id < $1.id }
    case .remove(let id):
      let place: Int = try place(of: id)
      members.remove(at: place)
      removed.append(id)
      removed.sort()
    case .setPeerURLs(let id, let urls):
      let place: Int = try place(of: id)
      try checkURLs(urls, except: id)
      members[place].peerURLs = urls
    case .promote(let id): members[try place(of: id)].role = .voter
    case .publish(let record):
      let place: Int = try place(of: record.id)
      members[place].name = record.name
      members[place].center = record.center
      members[place].city = record.city
      members[place].priority = record.priority
      members[place].clientURLs = record.clientURLs
    case .setDurability(let rules): durability = rules
    case .degrade(let city, let time):
      guard !isDegraded(city) else { return }
      degradations.append(Degradation(city: city, index: index, revision: revision, since: time))
      degradations.sort { $0.city < $1.city }
    case .restore(let city): degradations.removeAll { $0.city == city }
    case .recover(let recovery, let records):
      guard recovery.epoch > epoch else { throw KeyspaceError(.malformed, "epoch \(recovery.epoch) is not after \(epoch)") }
      if members.isEmpty { members = records.sorted { $0.id < $1.id } }
      recoveries.append(recovery)
      if recoveries.count > KeyspaceLimits.recoveries { recoveries.removeFirst() }
    case .shrink(let shrink):
      shrinks.removeAll { $0.center == shrink.center }
      shrinks.append(shrink)
      shrinks.sort { $0.center < $1.center }
    case .regrow(let center): shrinks.removeAll { $0.center == center }
    }
    changedAt = index
  }

  private func place(of id: MemberID) throws(KeyspaceError) -> Int {
    guard let place: Int = members.firstIndex(where: { $0.id == id }) else {
      throw KeyspaceError(.memberNotFound, "no member has the id \(id)")
    }
    return place
  }

  /// No two members at one address.
  public func checkURLs(_ urls: [String], except id: MemberID?) throws(KeyspaceError) {
    for member in members where member.id != id {
      guard let url: String = member.peerURLs.first(where: urls.contains) else { continue }
      throw KeyspaceError(.peerURLExists, "\(url) is where member \(member.id) is reached")
    }
  }

  // MARK: In snapshots

  static let version: UInt8 = 1
  /// With recoveries and shrunk centers behind the rest.
  static let versionWithRecoveries: UInt8 = 2

  public var isEmpty: Bool { self == ClusterState() }

  public func encode() -> Bytes {
    var writer = ByteWriter()
    let isLong: Bool = !recoveries.isEmpty || !shrinks.isEmpty
    writer.byte(isLong ? Self.versionWithRecoveries : Self.version)
    writer.count(members.count)
    for member in members { member.encode(to: &writer) }
    writer.count(removed.count)
    for id in removed { writer.fixed64(id.value) }
    durability.encode(to: &writer)
    writer.count(degradations.count)
    for one in degradations {
      writer.block(Bytes(one.city))
      writer.unsigned(one.index)
      writer.signed(one.revision)
      writer.signed(one.since.secondsSince1970)
      writer.signed(Int64(one.since.nanoseconds))
    }
    writer.unsigned(changedAt)
    if isLong {
      writer.count(recoveries.count)
      for recovery in recoveries { recovery.encode(to: &writer) }
      writer.count(shrinks.count)
      for shrink in shrinks { shrink.encode(to: &writer) }
    }
    return writer.take()
  }

  public init(_ bytes: Bytes) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == Self.version || version == Self.versionWithRecoveries else {
      throw reader.malformed("cluster state of version \(version): upgrade this member")
    }
    for _ in 0..<(try reader.count(minimumSize: 14)) {
      let record: MemberRecord = try MemberRecord(from: &reader)
      if let last: MemberRecord = members.last, last.id >= record.id { throw reader.malformed("members out of order") }
      members.append(record)
    }
    for _ in 0..<(try reader.count(minimumSize: 8)) { removed.append(MemberID(try reader.fixed64())) }
    durability = try DurabilityRules(from: &reader)
    for _ in 0..<(try reader.count(minimumSize: 5)) {
      let city: String = try reader.text()
      let (index, revision): (UInt64, Int64) = (try reader.unsigned(), try reader.signed())
      let time = WallTime(secondsSince1970: try reader.signed(), nanoseconds: Int32(truncatingIfNeeded: try reader.signed()))
      degradations.append(Degradation(city: city, index: index, revision: revision, since: time))
    }
    changedAt = try reader.unsigned()
    if version == Self.versionWithRecoveries {
      for _ in 0..<(try reader.count(minimumSize: 8)) { recoveries.append(try Recovery(from: &reader)) }
      for _ in 0..<(try reader.count(minimumSize: 4)) { shrinks.append(try Shrink(from: &reader)) }
    }
    try reader.finish()
  }
}
