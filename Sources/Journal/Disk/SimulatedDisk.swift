import Primitives
import Synchronization

/// A disk in memory that behaves as badly as disks may: what was not synced survives a crash sector by sector as the seed
/// decides, renames and creations survive in order up to some point, syncs can lie and anything can fail.
public final class SimulatedDisk: Disk {
  public struct Faults: Sendable {
    /// Writes, syncs and folder operations left until everything fails with `failure`; nil: never.
    public var operationsLeft: Int?
    public var failure: JournalError.Code = .io
    /// Syncs report success and make nothing durable.
    public var losesSyncs: Bool = false
    public init() {}
  }

  struct Node: Sendable {
    var durable: Bytes = []
    /// The file as the running process sees it.
    var seen: Bytes = []
    /// Written since the last sync.
    var dirty: [Range<Int>] = []
  }
  private enum FolderChange: Sendable {
    case create(String, Int)
    case rename(String, String)
    case remove(String)
  }
  private struct State: Sendable {
    var nodes: [Int: Node] = [:]
    var lastNode: Int = 0
    var names: [String: Int] = [:]
    var durableNames: [String: Int] = [:]
    var changes: [FolderChange] = []
    var faults = Faults()
    var isLocked: Bool = false
    /// Handles opened before a crash must not write afterwards.
    var life: Int = 0
    var syncs: Int = 0
  }
  private let state: Mutex<State> = Mutex(State())
  public let path: String
  static let sector: Int = 512

  public init(path: String = "simulated") { self.path = path }

  public var faults: Faults {
    get { state.withLock { $0.faults } }
    set { state.withLock { $0.faults = newValue } }
  }
  public var syncCount: Int { state.withLock { $0.syncs } }

  /// The process ends here. What was synced stays; of the rest each sector is kept or not, and directory changes up to some point.
  public func crash(_ random: inout SeededRandom) {
    var copy: SeededRandom = random
    state.withLock { state in
      for id in state.nodes.keys.sorted() {
        guard var node: Node = state.nodes[id] else { continue }
        for range in node.dirty {
          var start: Int = range.lowerBound
          while start < range.upperBound {
            let end: Int = min(range.upperBound, (start / Self.sector + 1) * Self.sector)
            if copy.next() & 1 == 0 { Self.store(Bytes(node.seen[start..<end]), at: start, in: &node.durable) }
            start = end
          }
        }
        node.dirty = []
        node.seen = node.durable
        state.nodes[id] = node
      }
      let kept: Int = Int(copy.next() % UInt64(state.changes.count + 1))
      for change in state.changes[..<kept] { Self.apply(change, &state.durableNames) }
      state.changes = []
      state.names = state.durableNames
      state.nodes = state.nodes.filter { state.names.values.contains($0.key) }
      state.isLocked = false
      state.life += 1
      state.faults.operationsLeft = nil
    }
    random = copy
  }

  /// The process ends, the machine goes on: what was written is seen by the next one, durable or not. `cleansCache`: the kernel tried to
  /// write it
  /// back, failed, and will not try again (what Linux does after a failed sync).
  public func kill(cleansCache: Bool = false) {
    state.withLock { state in
      if cleansCache { for id in state.nodes.keys { state.nodes[id]?.dirty = [] } }
      state.isLocked = false
      state.life += 1
      state.faults.operationsLeft = nil
    }
  }

  /// Damages a durable byte: what a bad disk does to data at rest.
  public func flip(_ name: String, at offset: Int) {
    state.withLock { state in
      guard let id: Int = state.names[name], offset < state.nodes[id]?.seen.count ?? 0 else { return }
      state.nodes[id]?.seen[offset] ^= 0x40
      if offset < state.nodes[id]?.durable.count ?? 0 { state.nodes[id]?.durable[offset] ^= 0x40 }
    }
  }

  private static func apply(_ change: FolderChange, _ names: inout [String: Int]) {
    switch change {
    case .create(let name, let id): names[name] = id
    case .rename(let from, let to): if let id: Int = names.removeValue(forKey: from) { names[to] = id }
    case .remove(let name): names[name] = nil
    }
  }

  static func store(_ bytes: Bytes, at offset: Int, in target: inout Bytes) {
    if target.count < offset + bytes.count { target += Bytes(repeating: 0, count: offset + bytes.count - target.count) }
    target.replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }

  private static func spend(_ state: inout State, _ what: String) throws(JournalError) {
    guard let left: Int = state.faults.operationsLeft else { return }
    if left <= 0 { throw JournalError(state.faults.failure, "simulated failure: \(what)") }
    state.faults.operationsLeft = left - 1
  }

  private func change(_ change: FolderChange, _ what: String) throws(JournalError) {
    try state.withLock { state throws(JournalError) in
      try Self.spend(&state, what)
      Self.apply(change, &state.names)
      state.changes.append(change)
    }
  }

  public func lock() throws(JournalError) {
    try state.withLock { state throws(JournalError) in
      if state.isLocked { throw JournalError(.locked, "\(path) is in use") }
      state.isLocked = true
    }
  }
  public func unlock() { state.withLock { $0.isLocked = false } }
  public func list() throws(JournalError) -> [String] { state.withLock { $0.names.keys.sorted() } }

  public func open(_ name: String, create: Bool) throws(JournalError) -> any DiskFile {
    let (id, life): (Int, Int) = try state.withLock { state throws(JournalError) in
      if let id: Int = state.names[name] { return (id, state.life) }
      guard create else { throw JournalError(.notFound, "\(path)/\(name) does not exist") }
      try Self.spend(&state, "creating \(name)")
      state.lastNode += 1
      state.nodes[state.lastNode] = Node()
      state.names[name] = state.lastNode
      state.changes.append(.create(name, state.lastNode))
      return (state.lastNode, state.life)
    }
    return SimulatedFile(name: name, disk: self, id: id, life: life)
  }

  public func rename(_ from: String, to: String) throws(JournalError) { try change(.rename(from, to), "renaming \(from)") }
  public func remove(_ name: String) throws(JournalError) { try change(.remove(name), "removing \(name)") }
  public func syncDirectory() throws(JournalError) {
    try state.withLock { state throws(JournalError) in
      try Self.spend(&state, "syncing the folder")
      guard !state.faults.losesSyncs else { return }
      state.durableNames = state.names
      state.changes = []
    }
  }

  fileprivate func write(_ id: Int, _ life: Int, _ bytes: Bytes, _ offset: Int) throws(JournalError) {
    try state.withLock { state throws(JournalError) in
      guard state.life == life else { throw JournalError(.io, "the process that opened this file crashed") }
      try Self.spend(&state, "writing")
      guard var node: Node = state.nodes.removeValue(forKey: id) else { throw JournalError(.io, "the file was removed") }
      Self.store(bytes, at: offset, in: &node.seen)
      node.dirty.append(offset..<offset + bytes.count)
      state.nodes[id] = node
    }
  }
  fileprivate func sync(_ id: Int, _ life: Int) throws(JournalError) {
    try state.withLock { state throws(JournalError) in
      guard state.life == life else { throw JournalError(.io, "the process that opened this file crashed") }
      try Self.spend(&state, "syncing")
      state.syncs += 1
      guard !state.faults.losesSyncs, var node: Node = state.nodes.removeValue(forKey: id) else { return }
      for range in node.dirty { Self.store(Bytes(node.seen[range]), at: range.lowerBound, in: &node.durable) }
      node.dirty = []
      state.nodes[id] = node
    }
  }
  fileprivate func read(_ id: Int, _ range: Range<Int>) -> Bytes {
    state.withLock { state in
      guard let seen: Bytes = state.nodes[id]?.seen else { return [] }
      return Bytes(seen[min(range.lowerBound, seen.count)..<min(range.upperBound, seen.count)])
    }
  }
  fileprivate func size(_ id: Int) -> Int { state.withLock { $0.nodes[id]?.seen.count ?? 0 } }
}

private final class SimulatedFile: DiskFile {
  let name: String
  private let disk: SimulatedDisk
  private let id: Int
  private let life: Int
  init(name: String, disk: SimulatedDisk, id: Int, life: Int) {
    self.name = name
    self.disk = disk
    self.id = id
    self.life = life
  }
  func size() throws(JournalError) -> Int { disk.size(id) }
  func write(_ bytes: Bytes, at offset: Int) throws(JournalError) { try disk.write(id, life, bytes, offset) }
  func read(at offset: Int, count: Int) throws(JournalError) -> Bytes { disk.read(id, offset..<offset + count) }
  func sync() throws(JournalError) { try disk.sync(id, life) }
  func close() {}
}
