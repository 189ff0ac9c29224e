import Primitives

/// The format's version: the first byte of every message and of every stored state.
let wireVersion: UInt8 = 1

extension WireReader {
  mutating func readVersion(_ what: @autoclosure () -> String) throws(ConsensusError) {
    let version: UInt8 = try readByte("the version of \(what())")
    guard version == wireVersion else {
      throw ConsensusError(
        .unknownVersion, "\(what()) has format version \(version), this program reads \(wireVersion): upgrade the older of the two")
    }
  }

  /// Whether an attachment follows.
  mutating func readAttachedVersion(_ what: @autoclosure () -> String) throws(ConsensusError) -> Bool {
    let version: UInt8 = try readByte("the version of \(what())")
    guard version == wireVersion || version == Membership.attachedVersion else {
      throw ConsensusError(
        .unknownVersion, "\(what()) has format version \(version), this program reads up to \(Membership.attachedVersion): upgrade it")
    }
    return version == Membership.attachedVersion
  }

  mutating func readAttachment() throws(ConsensusError) -> Bytes {
    let attachment: Bytes = try readBytes("an attachment", limit: ConsensusLimits.maxAttachment)
    guard !attachment.isEmpty else { throw malformed("an attachment is empty") }
    return attachment
  }

  mutating func readKind() throws(ConsensusError) -> Entry.Kind {
    let byte: UInt8 = try readByte("the kind of an entry")
    guard let kind = Entry.Kind(rawValue: byte) else { throw malformed("\(byte) is no kind of entry") }
    return kind
  }

  mutating func readMembership() throws(ConsensusError) -> Membership {
    let voters: [MemberID] = try readMembers("the voters")
    let outgoing: [MemberID] = try readMembers("the leaving voters")
    let learners: [MemberID] = try readMembers("the learners")
    let membership = Membership(voters: voters, outgoing: outgoing, learners: learners)
    guard membership.learners == learners else { throw malformed("a voter is a learner, too,") }
    return membership
  }

  mutating func readSnapshotMetadata() throws(ConsensusError) -> SnapshotMetadata {
    let position: LogPosition = try readPosition("a snapshot")
    return SnapshotMetadata(index: position.index, term: position.term, membership: try readMembership())
  }
}

extension Bytes {
  mutating func writeMembership(_ membership: Membership) {
    writeMembers(membership.voters)
    writeMembers(membership.outgoing)
    writeMembers(membership.learners)
  }

  mutating func writeSnapshotMetadata(_ metadata: SnapshotMetadata) {
    writePosition(LogPosition(term: metadata.term, index: metadata.index))
    writeMembership(metadata.membership)
  }
}

extension Entry {
  /// Appends the entry as a journal keeps it.
  public func encode(into bytes: inout Bytes) {
    bytes.append(wireVersion)
    bytes.append(kind.rawValue)
    bytes.writeInteger(term)
    bytes.writeInteger(index)
    bytes.writeBytes(payload)
  }

  /// Throws `.malformed` or `.unknownVersion`; never returns part of an entry.
  public static func decode(_ bytes: Bytes) throws(ConsensusError) -> Entry {
    var reader = WireReader(bytes)
    try reader.readVersion("an entry")
    let kind: Kind = try reader.readKind()
    let position: LogPosition = try reader.readPosition("an entry")
    let payload: Bytes = try reader.readBytes("an entry's payload", limit: ConsensusLimits.maxEntryPayload)
    try reader.finish("an entry")
    return Entry(index: position.index, term: position.term, kind: kind, payload: payload)
  }
}

extension HardState {
  public func encode(into bytes: inout Bytes) {
    bytes.append(wireVersion)
    bytes.writeInteger(term)
    bytes.writeBool(vote != nil)
    if let vote { bytes.writeMember(vote) }
    bytes.writeInteger(commit)
  }

  public static func decode(_ bytes: Bytes) throws(ConsensusError) -> HardState {
    var reader = WireReader(bytes)
    try reader.readVersion("a hard state")
    let term: UInt64 = try reader.readInteger("the term")
    let vote: MemberID? = try reader.readBool("whether there is a vote") ? try reader.readMember("the vote") : nil
    let commit: UInt64 = try reader.readInteger("the commit index")
    try reader.finish("a hard state")
    return HardState(term: term, vote: vote, commit: commit)
  }
}

extension SnapshotMetadata {
  public func encode(into bytes: inout Bytes) {
    bytes.append(wireVersion)
    bytes.writeSnapshotMetadata(self)
  }

  public static func decode(_ bytes: Bytes) throws(ConsensusError) -> SnapshotMetadata {
    var reader = WireReader(bytes)
    try reader.readVersion("a snapshot's metadata")
    let metadata: SnapshotMetadata = try reader.readSnapshotMetadata()
    try reader.finish("a snapshot's metadata")
    return metadata
  }
}

extension Membership {
  /// The first byte of a membership or a change that has an attachment behind it.
  fileprivate static let attachedVersion: UInt8 = 2

  /// The payload of an entry of kind `.membership`.
  public func encoded(attachment: Bytes = []) -> Bytes {
    var bytes: Bytes = [attachment.isEmpty ? wireVersion : Self.attachedVersion]
    bytes.writeMembership(self)
    if !attachment.isEmpty { bytes.writeBytes(attachment) }
    return bytes
  }

  public static func decode(_ bytes: Bytes) throws(ConsensusError) -> Membership { try decodeAttached(bytes).membership }

  /// With what the shell attached to the change, empty if it did not.
  public static func decodeAttached(_ bytes: Bytes) throws(ConsensusError) -> (membership: Membership, attachment: Bytes) {
    var reader = WireReader(bytes)
    let isAttached: Bool = try reader.readAttachedVersion("a membership")
    let membership: Membership = try reader.readMembership()
    let attachment: Bytes = isAttached ? try reader.readAttachment() : []
    try reader.finish("a membership")
    return (membership, attachment)
  }
}

extension MembershipChange {
  func encoded() -> Bytes {
    var bytes: Bytes = [attachment.isEmpty ? wireVersion : Membership.attachedVersion]
    bytes.writeInteger(UInt64(steps.count))
    for step in steps {
      bytes.writeMember(step.member)
      bytes.append(step.role.rawValue)
    }
    if !attachment.isEmpty { bytes.writeBytes(attachment) }
    return bytes
  }

  static func decode(_ bytes: Bytes) throws(ConsensusError) -> MembershipChange {
    var reader = WireReader(bytes)
    let isAttached: Bool = try reader.readAttachedVersion("a membership change")
    let count: Int = try reader.readCount("the number of steps", limit: ConsensusLimits.maxMembers)
    var steps: [Step] = []
    for _ in 0..<count {
      let member: MemberID = try reader.readMember("a member")
      let byte: UInt8 = try reader.readByte("a role")
      guard let role = Role(rawValue: byte) else { throw reader.malformed("\(byte) is no role") }
      steps.append(Step(member, role))
    }
    let attachment: Bytes = isAttached ? try reader.readAttachment() : []
    try reader.finish("a membership change")
    return MembershipChange(steps, attachment: attachment)
  }
}
