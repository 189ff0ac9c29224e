import Journal
import Primitives

/// A disk in memory that behaves as badly as disks may. What was not synced survives a crash sector by sector as the seed decides,
/// renames and creations survive in order up to some point; and as far as the world asks for it, writes go astray, syncs lie, bits flip
/// and operations fail.
///
/// `@unchecked Sendable`: a disk belongs to one world, which runs on one thread at a time.
final class FaultyDisk: Disk, @unchecked Sendable {
  static let sector: Int = 512

  final class Node {
    /// The file as the running process sees it.
    var seen: Bytes = []
    var durable: Bytes = []
    /// Written since the last sync.
    var dirty: [Range<Int>] = []
    /// A sync said that these are durable, and they are not: what stands there after the power is lost.
    var lost: [(range: Range<Int>, before: Bytes)] = []

    /// Only what was written since the last sync is copied: a copy of the whole would be a segment per write.
    func makeDurable() {
      for range in dirty { FaultyDisk.copy(range, of: seen, to: &durable) }
      dirty.removeAll(keepingCapacity: true)
    }
  }
  private enum FolderChange {
    case create(String, Node)
    case rename(String, String)
    case remove(String)
  }

  let path: String
  private var names: [String: Node] = [:]
  private var durableNames: [String: Node] = [:]
  private var changes: [FolderChange] = []
  private var isLocked: Bool = false
  /// Handles opened before a crash must not write afterwards.
  private var life: Int = 0

  /// Writes, syncs and folder operations left until everything fails; nil: never.
  var operationsLeft: Int?
  /// That has happened since the last crash, whether the process has noticed or not.
  private(set) var hasFailed: Bool = false
  /// Every sync reports success and makes nothing durable.
  var losesSyncs: Bool = false
  /// So many of the next syncs of the log lie.
  var liesLeft: Int = 0
  /// So many of the next writes to the log land so many sectors away.
  var misdirection: (writes: Int, sectors: Int)?
  enum Space {
    case plenty
    /// What is allocated can be written.
    case noneToGrow
    /// As with file systems that write everything to a new place.
    case none
  }
  var space: Space = .plenty
  /// Something durable is other than was written.
  private(set) var isDamaged: Bool = false

  init(path: String) { self.path = path }

  // MARK: What the world does to it

  /// The process ends here, and the power with it. Returns whether something is gone that a sync had covered.
  func crash(_ random: inout SeededRandom) {
    // A file that was made and lost its name again has no durable form.
    for name in Set(names.keys).union(durableNames.keys).sorted() {
      for node in [names[name], durableNames[name]].compactMap({ $0 }) { settle(node, &random) }
    }
    for case .create(_, let node) in changes { settle(node, &random) }
    let kept: Int = losesSyncs ? 0 : Int(random.next() % UInt64(changes.count + 1))
    for change in changes[..<kept] { Self.apply(change, &durableNames) }
    changes = []
    names = durableNames
    isLocked = false
    life += 1
    operationsLeft = nil
    hasFailed = false
  }

  private func settle(_ node: Node, _ random: inout SeededRandom) {
    guard !node.dirty.isEmpty || !node.lost.isEmpty else { return }
    for range in node.dirty {
      var start: Int = range.lowerBound
      while start < range.upperBound {
        let end: Int = min(range.upperBound, (start / Self.sector + 1) * Self.sector)
        if random.next() & 1 == 0 { Self.copy(start..<end, of: node.seen, to: &node.durable) }
        start = end
      }
    }
    for (range, before) in node.lost where node.durable.count >= range.upperBound {
      isDamaged = true
      node.durable.replaceSubrange(range, with: before)
    }
    node.dirty = []
    node.lost = []
    node.seen = node.durable
  }

  /// A bit at rest turns over, in the used part of the log or in a snapshot. Returns where.
  func flip(_ random: inout SeededRandom) -> String? {
    let candidates: [String] = names.keys.filter { $0.hasPrefix("journal-") || $0.hasPrefix("snapshot-") }.sorted()
    guard !candidates.isEmpty else { return nil }
    let name: String = candidates[Int(random.next() % UInt64(candidates.count))]
    guard let node: Node = names[name], let used: Int = node.seen.lastIndex(where: { $0 != 0 }), used < node.durable.count else {
      return nil
    }
    let offset: Int = Int(random.next() % UInt64(used + 1))
    let bit: UInt8 = 1 << UInt8(random.next() % 8)
    node.seen[offset] ^= bit
    node.durable[offset] ^= bit
    isDamaged = true
    return "\(name) at byte \(offset)"
  }

  private static func apply(_ change: FolderChange, _ names: inout [String: Node]) {
    switch change {
    case .create(let name, let node): names[name] = node
    case .rename(let from, let to): if let node: Node = names.removeValue(forKey: from) { names[to] = node }
    case .remove(let name): names[name] = nil
    }
  }

  private static func store(_ bytes: Bytes, at offset: Int, in target: inout Bytes) {
    if target.count < offset + bytes.count {
      if offset == target.count { return target.append(contentsOf: bytes) }
      target.append(contentsOf: repeatElement(0, count: offset + bytes.count - target.count))
    }
    target.withUnsafeMutableBytes { space in
      bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: space[offset...]).copyMemory(from: $0) }
    }
  }

  fileprivate static func copy(_ range: Range<Int>, of source: Bytes, to target: inout Bytes) {
    if target.count < range.upperBound { target.append(contentsOf: repeatElement(0, count: range.upperBound - target.count)) }
    target.withUnsafeMutableBytes { space in
      source.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: space[range.lowerBound...]).copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range]))
      }
    }
  }

  // MARK: What the journal does with it

  private func spend(_ what: String) throws(JournalError) {
    guard let left: Int = operationsLeft else { return }
    if left <= 0 {
      hasFailed = true
      throw JournalError(.io, "simulated failure: \(what)")
    }
    operationsLeft = left - 1
  }

  private func change(_ change: FolderChange, _ what: String) throws(JournalError) {
    try spend(what)
    Self.apply(change, &names)
    changes.append(change)
  }

  func lock() throws(JournalError) {
    if isLocked { throw JournalError(.locked, "\(path) is in use") }
    isLocked = true
  }
  func unlock() { isLocked = false }
  func list() throws(JournalError) -> [String] { names.keys.sorted() }

  func open(_ name: String, create: Bool) throws(JournalError) -> any DiskFile {
    if let node: Node = names[name] { return FaultyFile(name: name, disk: self, node: node, life: life) }
    guard create else { throw JournalError(.notFound, "\(path)/\(name) does not exist") }
    let node = Node()
    try change(.create(name, node), "creating")
    return FaultyFile(name: name, disk: self, node: node, life: life)
  }

  func rename(_ from: String, to: String) throws(JournalError) { try change(.rename(from, to), "renaming") }
  func remove(_ name: String) throws(JournalError) { try change(.remove(name), "removing") }
  func syncDirectory() throws(JournalError) {
    try spend("syncing the folder")
    guard !losesSyncs else { return }
    for change in changes { Self.apply(change, &durableNames) }
    changes = []
  }

  /// A segment that was opened before it got its name counts, too.
  private static func isLog(_ name: String) -> Bool { name.hasPrefix("journal-") || name.hasPrefix("spare-") }

  fileprivate func write(_ node: Node, _ name: String, _ openedIn: Int, _ bytes: Bytes, _ offset: Int) throws(JournalError) {
    guard openedIn == life else { throw JournalError(.io, "the process that opened this file crashed") }
    try spend("writing")
    if space == .none || space == .noneToGrow && offset + bytes.count > node.seen.count {
      throw JournalError(.noSpace, "\(path)/\(name): simulated full disk")
    }
    var offset: Int = offset
    if let astray = misdirection, astray.writes > 0, Self.isLog(name) {
      let other: Int = offset + astray.sectors * Self.sector
      if other >= 0, other + bytes.count <= node.seen.count {
        misdirection?.writes -= 1
        isDamaged = true
        offset = other
      }
    }
    let range: Range<Int> = offset..<offset + bytes.count
    if !node.lost.isEmpty { node.lost.removeAll { $0.range.overlaps(range) } }
    Self.store(bytes, at: offset, in: &node.seen)
    node.dirty.append(range)
  }

  fileprivate func sync(_ node: Node, _ name: String, _ openedIn: Int) throws(JournalError) {
    guard openedIn == life else { throw JournalError(.io, "the process that opened this file crashed") }
    try spend("syncing")
    guard !losesSyncs else { return }
    if liesLeft > 0, Self.isLog(name), !node.dirty.isEmpty {
      liesLeft -= 1
      for range in node.dirty where range.upperBound <= node.durable.count { node.lost.append((range, Bytes(node.durable[range]))) }
    }
    node.makeDurable()
  }
}

private final class FaultyFile: DiskFile, @unchecked Sendable {
  // As the disk.
  let name: String
  private let disk: FaultyDisk
  private let node: FaultyDisk.Node
  private let life: Int
  init(name: String, disk: FaultyDisk, node: FaultyDisk.Node, life: Int) {
    self.name = name
    self.disk = disk
    self.node = node
    self.life = life
  }
  func size() throws(JournalError) -> Int { node.seen.count }
  func write(_ bytes: Bytes, at offset: Int) throws(JournalError) { try disk.write(node, name, life, bytes, offset) }
  func read(at offset: Int, count: Int) throws(JournalError) -> Bytes {
    offset == 0 && count >= node.seen.count
      ? node.seen : Bytes(node.seen[min(offset, node.seen.count)..<min(offset + count, node.seen.count)])
  }
  func sync() throws(JournalError) { try disk.sync(node, name, life) }
  func close() {}
}
