import Consensus
import Keyspace
import Logging
import Primitives
import SiteLink

extension StoreMember {
  /// A member that has not said its name yet has an empty one.
  init(_ record: MemberRecord) {
    let address: (host: String, port: Int)? = record.peerURLs.lazy.compactMap { PeerURL.parse($0) }.first
    self.init(
      id: record.id, name: HostName(record.name), center: CenterName(record.center), city: record.city,
      role: record.role == .voter ? .voter : .learner, priority: record.priority, peerHost: address?.host ?? "",
      peerPort: address?.port ?? 0,
      clientURL: record.clientURLs.first ?? "")
    hasPlainPeerURL = record.peerURLs.first { PeerURL.parse($0) != nil }?.hasPrefix("http://") ?? false
  }

  var record: MemberRecord {
    MemberRecord(
      id: id, name: name.value, center: center.value, city: city, role: role == .voter ? .voter : .learner, priority: priority,
      peerURLs: [peerURL], clientURLs: clientURL.isEmpty ? [] : [clientURL])
  }
}

/// Who the members are, as far as this member has applied: the replicated records once there are any, before that the configuration.
extension MemberCore {
  /// After everything that may have changed the replicated records.
  func onClusterChanged() {
    board.setCluster(keyspace.cluster)
    guard !keyspace.cluster.members.isEmpty else { return }
    let before: [StoreMember] = roster
    records = keyspace.cluster.members
    roster = records.map { StoreMember($0) }
    board.set(records)
    metrics.forget(except: roster.map(\.id))
    guard roster != before else { return }
    noteCities()
    relays.onMembers(roster, own: configuration.memberID)
    // Whoever leaves is served until it knows that it has left.
    for member in before where !roster.contains(where: { $0.id == member.id }) {
      departing[member.id] = (member.linkPeer, now + StoreLimits.departurePatience)
    }
    for member in roster { departing[member.id] = nil }
    if priorityOverrides == nil { node.setPriorities(Dictionary(uniqueKeysWithValues: roster.map { ($0.id, $0.priority) })) }
    updateLinks()
    logger.info("members", metadata: ["members": "\(roster.map { "\($0.name)=\($0.id) \($0.role.rawValue)" }.joined(separator: ", "))"])
  }

  func noteCities() {
    ledger.onMembers(roster.map { ($0.id, $0.city) })
    hasCities = !ledger.cities.isEmpty
  }

  func updateLinks() {
    link.update(
      peers: roster.filter { $0.id != configuration.memberID }.map(\.linkPeer)
        + departing.values.map(\.peer).sorted { $0.member < $1.member },
      // One that still votes for the configuration without it is not refused: before that is committed nobody may be able to lead but it.
      removed: Set(keyspace.cluster.removed.filter { !node.isStillMember($0) }))
  }

  func forgetDeparted() {
    guard !departing.isEmpty else { return }
    let now: MonotonicTime = now
    let gone: [MemberID] = departing.filter { $0.value.until <= now }.map(\.key)
    guard !gone.isEmpty else { return }
    for id in gone { departing[id] = nil }
    updateLinks()
  }

  /// What this member is told by its own configuration and the others are not: they learn it from the log.
  func publishIfDue() {
    guard !isPublishing, node.currentLeader != nil, let own: StoreMember = configuration.member,
      let known: MemberRecord = keyspace.cluster.member(own.id)
    else { return }
    var wanted: MemberRecord = own.record
    wanted.role = known.role
    wanted.peerURLs = known.peerURLs
    guard wanted != known else { return }
    isPublishing = true
    submit(.cluster(.publish(wanted))) { [unowned self] result in
      self.isPublishing = false
      if case .failure(let error) = result { self.logger.warning("the others do not know this member's name yet: \(error.message)") }
    }
  }

  /// A joint or a final membership is committed here.
  func applyMembership(_ entry: Entry) {
    do {
      let (membership, attachment): (Membership, Bytes) = try Membership.decodeAttached(entry.payload)
      if attachment.isEmpty {
        keyspace.advance(to: entry.index)
      } else {
        let command: KeyspaceCommand = try KeyspaceCommand.decode(attachment)
        let result: Result<CommandResult, KeyspaceError>? = keyspace.apply(command, at: entry.index)
        onClusterChanged()
        // Revisions jumped: whoever watches from before must read anew.
        if case .cluster(.recover) = command { watches.onReplaced(keyspace) }
        onChangeApplied(entry, result)
      }
      if !membership.isJoint, !departing.isEmpty { updateLinks() }
      // It votes for the last time for the configuration without it, so it goes on until that is committed.
      let own: MemberID = configuration.memberID
      if !membership.isJoint, !membership.isMember(own), keyspace.cluster.removed.contains(own) { onRemoved() }
    } catch {
      fail("entry \(entry.index) cannot be read: \(error)")
    }
  }

  func onRemoved() {
    guard failure == nil else { return }
    isRemoved = true
    fail(Self.removalSentence)
  }

  /// Another member refuses this one, since it was removed while it was away.
  func onRefusedForGood(_ sentence: String) {
    logger.error("\(sentence)")
    onRemoved()
  }

  static var removalSentence: String {
    "it was removed from the cluster for good. Stop this process; to take part again, empty its folder and add it as a new member"
  }
}
