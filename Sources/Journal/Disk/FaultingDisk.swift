import Primitives
import Synchronization

/// Any disk, made worse on purpose: armed faults strike the files whose names begin as told, once each. For tests and torture.
public final class FaultingDisk: Disk {
  public enum Fault: Sendable, Hashable {
    /// The first `written` bytes arrive, then the write fails.
    case failedWrite(JournalError.Code, written: Int)
    case failedRead
    case failedSync(JournalError.Code)
    /// Says that it synced, and did not.
    case lostSync
    /// Says that it wrote, and did not.
    case lostWrite
    /// Writes the right bytes so many bytes away from the right place, within the file.
    case misdirectedWrite(by: Int)
    /// Writes with one bit of the byte at this offset of the write turned.
    case flippedBit(at: Int)
  }
  private struct State: Sendable {
    var armed: [(prefix: String, after: Int, fault: Fault)] = []
    var struck: [Fault] = []
    var capacity: Int?
  }
  private let base: any Disk
  private let state: Mutex<State> = Mutex(State())

  public init(_ base: any Disk) { self.base = base }

  /// Strikes the operation of its kind behind the next `after` ones on files with this prefix.
  public func arm(_ fault: Fault, on prefix: String, after: Int = 0) { state.withLock { $0.armed.append((prefix, after, fault)) } }
  public var struck: [Fault] { state.withLock { $0.struck } }
  /// Bytes that all files together may have; nil: no limit.
  public var capacity: Int? {
    get { state.withLock { $0.capacity } }
    set { state.withLock { $0.capacity = newValue } }
  }

  fileprivate enum Operation { case write, read, sync }

  fileprivate func take(_ operation: Operation, _ name: String) -> Fault? {
    state.withLock { state in
      for place in state.armed.indices where name.hasPrefix(state.armed[place].prefix) && state.armed[place].fault.strikes(operation) {
        if state.armed[place].after > 0 {
          state.armed[place].after -= 1
          continue
        }
        let fault: Fault = state.armed.remove(at: place).fault
        state.struck.append(fault)
        return fault
      }
      return nil
    }
  }

  private func used() throws(JournalError) -> Int {
    var sum: Int = 0
    for name in try base.list() {
      let file: any DiskFile = try base.open(name, create: false)
      sum += try file.size()
      file.close()
    }
    return sum
  }

  fileprivate func reserve(_ growth: Int) throws(JournalError) {
    guard growth > 0, let capacity else { return }
    if try used() + growth > capacity { throw JournalError(.noSpace, "\(path): no space left for \(growth) bytes") }
  }

  public var path: String { base.path }
  public func lock() throws(JournalError) { try base.lock() }
  public func unlock() { base.unlock() }
  public func list() throws(JournalError) -> [String] { try base.list() }
  public func open(_ name: String, create: Bool) throws(JournalError) -> any DiskFile {
    FaultingFile(disk: self, base: try base.open(name, create: create))
  }
  public func rename(_ from: String, to: String) throws(JournalError) { try base.rename(from, to: to) }
  public func remove(_ name: String) throws(JournalError) { try base.remove(name) }
  public func syncDirectory() throws(JournalError) { try base.syncDirectory() }
  public func freeBytes() throws(JournalError) -> Int? {
    guard let capacity else { return try base.freeBytes() }
    return max(0, capacity - (try used()))
  }
}

extension FaultingDisk.Fault {
  fileprivate func strikes(_ operation: FaultingDisk.Operation) -> Bool {
    switch self {
    case .failedWrite, .lostWrite, .misdirectedWrite, .flippedBit: operation == .write
    case .failedRead: operation == .read
    case .failedSync, .lostSync: operation == .sync
    }
  }
}

private struct FaultingFile: DiskFile {
  let disk: FaultingDisk
  let base: any DiskFile
  var name: String { base.name }

  func size() throws(JournalError) -> Int { try base.size() }

  func write(_ bytes: Bytes, at offset: Int) throws(JournalError) {
    try disk.reserve(offset + bytes.count - (try base.size()))
    switch disk.take(.write, name) {
    case .failedWrite(let code, let written):
      if written > 0 { try base.write(Bytes(bytes.prefix(written)), at: offset) }
      throw JournalError(code, "a write to \(disk.path)/\(name) failed on purpose after \(written) bytes")
    case .lostWrite: return
    case .misdirectedWrite(let distance): try base.write(bytes, at: offset + distance)
    case .flippedBit(let place):
      var damaged: Bytes = bytes
      damaged[min(place, bytes.count - 1)] ^= 0x10
      try base.write(damaged, at: offset)
    default: try base.write(bytes, at: offset)
    }
  }

  func read(at offset: Int, count: Int) throws(JournalError) -> Bytes {
    if disk.take(.read, name) != nil { throw JournalError(.io, "a read of \(disk.path)/\(name) failed on purpose") }
    return try base.read(at: offset, count: count)
  }

  func sync() throws(JournalError) {
    switch disk.take(.sync, name) {
    case .failedSync(let code): throw JournalError(code, "a sync of \(disk.path)/\(name) failed on purpose")
    case .lostSync: return
    default: try base.sync()
    }
  }

  func close() { base.close() }
}
