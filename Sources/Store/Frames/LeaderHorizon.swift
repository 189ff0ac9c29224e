import Keyspace
import Primitives

/// What the leader says of itself and of the others four times a second, past everything that waits: where its log ends, and how far each
/// member and city is. So the lag stands in every member's status and metrics, and a survivor knows what it has not got.
struct LeaderHorizon: Hashable, Sendable {
  struct Member: Hashable, Sendable {
    var id: MemberID
    var isVoter: Bool
    var isReceivingSnapshot: Bool
    var match: UInt64
    var lagEntries: UInt64
    var lagBytes: UInt64
    var lagMilliseconds: UInt64
    var silentMilliseconds: UInt64
  }
  struct City: Hashable, Sendable {
    var name: String
    var durable: UInt64
    var lagEntries: UInt64
    var lagBytes: UInt64
    var lagMilliseconds: UInt64
  }
  var term: UInt64
  var lastIndex: UInt64
  /// Of what it has applied.
  var revision: Int64
  var members: [Member]
  var cities: [City]

  func encode(to writer: inout ByteWriter) {
    writer.unsigned(term)
    writer.unsigned(lastIndex)
    writer.signed(revision)
    writer.count(members.count)
    for member in members {
      writer.fixed64(member.id.value)
      writer.byte((member.isVoter ? 1 : 0) | (member.isReceivingSnapshot ? 2 : 0))
      for value in [member.match, member.lagEntries, member.lagBytes, member.lagMilliseconds, member.silentMilliseconds] {
        writer.unsigned(value)
      }
    }
    writer.count(cities.count)
    for city in cities {
      writer.block(Bytes(city.name))
      for value in [city.durable, city.lagEntries, city.lagBytes, city.lagMilliseconds] { writer.unsigned(value) }
    }
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    term = try reader.unsigned()
    lastIndex = try reader.unsigned()
    revision = try reader.signed()
    members = []
    for _ in 0..<(try reader.count(minimumSize: 14)) {
      let (id, flags): (UInt64, UInt8) = (try reader.fixed64(), try reader.byte())
      members.append(
        Member(
          id: MemberID(id), isVoter: flags & 1 != 0, isReceivingSnapshot: flags & 2 != 0, match: try reader.unsigned(),
          lagEntries: try reader.unsigned(), lagBytes: try reader.unsigned(), lagMilliseconds: try reader.unsigned(),
          silentMilliseconds: try reader.unsigned()))
    }
    cities = []
    for _ in 0..<(try reader.count(minimumSize: 5)) {
      let name: Bytes = try reader.block()
      cities.append(
        City(
          name: name.text, durable: try reader.unsigned(), lagEntries: try reader.unsigned(), lagBytes: try reader.unsigned(),
          lagMilliseconds: try reader.unsigned()))
    }
  }

  init(_ status: StoreStatus) {
    term = status.term
    lastIndex = status.lastIndex
    revision = status.revision
    func milliseconds(_ seconds: Double) -> UInt64 { UInt64(max(0, min(seconds, 1e9)) * 1000) }
    members = status.peers.map { peer in
      Member(
        id: peer.id, isVoter: peer.isVoter, isReceivingSnapshot: peer.isReceivingSnapshot, match: peer.match, lagEntries: peer.lagEntries,
        lagBytes: peer.lagBytes, lagMilliseconds: milliseconds(peer.lagSeconds), silentMilliseconds: milliseconds(peer.silentSeconds))
    }
    cities = status.cities.map { city in
      City(
        name: city.name, durable: city.durableIndex ?? 0, lagEntries: city.lagEntries ?? 0, lagBytes: city.lagBytes ?? 0,
        lagMilliseconds: milliseconds(city.lagSeconds ?? 0))
    }
  }
}

extension MemberCore {
  /// On the leader, with every tenth tick.
  func tellHorizon() {
    guard node.isLeader else { return }
    let frame = StoreFrame.horizon(LeaderHorizon(board.status)).encode()
    // Whoever does not get this one gets the next.
    for member in roster where member.id != configuration.memberID { _ = link.send(frame, to: member.id, priority: .urgent) }
  }

  func onHorizon(_ horizon: LeaderHorizon, from member: MemberID) {
    guard member == node.currentLeader, horizon.term == node.currentTerm else { return }
    self.horizon = SurvivorReport.Horizon(index: horizon.lastIndex, revision: horizon.revision, heard: clock.wall())
    leaderWord = horizon
  }

  /// On others than the leader: what it said last.
  func progressFromLeader(_ status: inout StoreStatus) {
    guard status.leader != nil, let leaderWord, leaderWord.term == status.term else { return }
    status.peers = leaderWord.members.map { peer in
      let member: StoreMember? = roster.first { $0.id == peer.id }
      return PeerProgress(
        id: peer.id, name: HostName(name(of: peer.id)), center: member?.center ?? "", isVoter: peer.isVoter, match: peer.match,
        lagEntries: peer.lagEntries, lagBytes: peer.lagBytes, lagSeconds: Double(peer.lagMilliseconds) / 1000,
        silentSeconds: Double(peer.silentMilliseconds) / 1000, isReceivingSnapshot: peer.isReceivingSnapshot)
    }
    for place in status.cities.indices {
      guard let city = leaderWord.cities.first(where: { $0.name == status.cities[place].name }) else { continue }
      status.cities[place].durableIndex = city.durable
      status.cities[place].lagEntries = city.lagEntries
      status.cities[place].lagBytes = city.lagBytes
      status.cities[place].lagSeconds = Double(city.lagMilliseconds) / 1000
    }
  }
}
