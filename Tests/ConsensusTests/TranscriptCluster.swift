import Primitives

@testable import Consensus

/// A few members with disks that keep what was synced and links that carry what was sent, all driven by hand.
struct TranscriptCluster {
  struct Disk {
    var hardState = HardState()
    var snapshot: SnapshotMetadata?
    var entries: [Entry] = []

    mutating func write(_ output: RaftOutput) {
      if let metadata = output.snapshot {
        snapshot = metadata
        entries = []
      }
      if let first = output.entries.first {
        entries.removeAll { $0.index >= first.index }
        entries += output.entries
      }
      if let state = output.hardState { hardState = state }
    }
  }
  struct Member {
    var node: RaftNode
    var disk = Disk()
    /// Taken, not synced.
    var writing: [RaftOutput] = []
    var isDiskStuck: Bool = false
    var isUp: Bool = true
  }

  var members: [UInt64: Member] = [:]
  var configurations: [UInt64: RaftConfiguration] = [:]
  /// Sent and not delivered.
  var wire: [RaftMessage] = []
  var cuts: Set<[UInt64]> = []
  var losesSnapshots: Bool = false
  var lostSnapshots: [RaftMessage] = []
  var isTalkative: Bool = false
  var lines: [String] = []

  var ids: [UInt64] { members.keys.sorted() }

  mutating func say(_ line: String) { lines.append(line) }

  // MARK: Outputs

  /// Takes what a member has to do and does it; with a stuck disk all but the syncing.
  mutating func take(_ id: UInt64) -> Bool {
    guard var member = members[id], member.isUp else { return false }
    let output: RaftOutput = member.node.takeOutput()
    defer { members[id] = member }
    if output.isEmpty { return false }
    if let leadership = output.leadership {
      let leader: String = leadership.leader.map { $0 == MemberID(id) || leadership.role != .follower ? "" : " of \($0)" } ?? ""
      say("\(id) is \(leadership.role.rawValue)\(leader) in term \(leadership.term)")
    }
    if let metadata = output.snapshot { say("\(id) installs snapshot \(metadata.index)@\(metadata.term)") }
    wire += output.messages
    if !output.committed.isEmpty {
      say("\(id) applies \(output.committed.map(words).joined(separator: ", "))")
      member.node.applied(upTo: output.committed[output.committed.count - 1].index)
    }
    for read in output.reads { say("\(id) serves read \(read.context) at \(read.index)") }
    for context in output.droppedReads { say("\(id) drops read \(context)") }
    for proposal in output.droppedProposals { say("\(id) hears that proposal \(proposal.context) was dropped: \(proposal.reason)") }
    if let fault = output.fault { say("\(id) halts: \(fault.message)") }
    if output.sequence != 0 {
      if member.isDiskStuck {
        member.writing.append(output)
      } else {
        member.disk.write(output)
        member.node.persisted(output.sequence)
      }
    } else {
      member.disk.write(output)
    }
    return true
  }

  mutating func sync(_ id: UInt64) {
    guard var member = members[id] else { return }
    for output in member.writing {
      member.disk.write(output)
      member.node.persisted(output.sequence)
    }
    member.writing = []
    members[id] = member
  }

  mutating func takeAll() {
    var isBusy: Bool = true
    while isBusy {
      isBusy = false
      for id in ids where take(id) { isBusy = true }
    }
  }

  // MARK: Messages

  mutating func deliver(_ message: RaftMessage) {
    let from: UInt64 = message.from.value
    let to: UInt64 = message.to.value
    let isKept: Bool = losesSnapshots && message.kind == .snapshot
    if isKept { lostSnapshots.append(message) }
    let isLost: Bool = cuts.contains([from, to]) || members[to]?.isUp != true || isKept
    if isTalkative { say("  \(words(message))\(isLost ? " (lost)" : "")") }
    if !isLost { members[to]?.node.step(message) }
  }

  /// Takes, delivers, takes …, until nobody has anything to say.
  mutating func settle() {
    takeAll()
    var rounds: Int = 0
    while !wire.isEmpty, rounds < 1000 {
      rounds += 1
      let batch: [RaftMessage] = wire
      wire = []
      for message in batch { deliver(message) }
      takeAll()
    }
    if rounds == 1000 { say("(still talking after 1000 rounds)") }
  }

  // MARK: Lives

  mutating func start(_ id: UInt64, disk: Disk) throws {
    guard let configuration = configurations[id] else { return }
    let restored = RestoredState(hardState: disk.hardState, snapshot: disk.snapshot, entries: disk.entries)
    let node: RaftNode = try RaftNode(configuration: configuration, restored: restored, applied: disk.snapshot?.index ?? 0)
    members[id] = Member(node: node, disk: disk)
  }
}
