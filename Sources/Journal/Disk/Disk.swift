import Primitives

/// One folder on a disk, as the journal uses it. `PosixDisk` is the real one; `SimulatedDisk` forgets, tears and fails on purpose.
public protocol Disk: Sendable {
  /// How errors name the folder.
  var path: String { get }
  /// Makes the folder if need be, and keeps every other process out until `unlock`. Throws `.locked`.
  func lock() throws(JournalError)
  func unlock()
  func list() throws(JournalError) -> [String]
  /// Throws `.notFound` unless the file exists or `create` is set.
  func open(_ name: String, create: Bool) throws(JournalError) -> any DiskFile
  func rename(_ from: String, to: String) throws(JournalError)
  func remove(_ name: String) throws(JournalError)
  /// Makes creations, renames and removals durable.
  func syncDirectory() throws(JournalError)
  /// Bytes that can still be written; nil where nobody knows.
  func freeBytes() throws(JournalError) -> Int?
}

extension Disk {
  public func freeBytes() throws(JournalError) -> Int? { nil }
}

public protocol DiskFile: Sendable {
  var name: String { get }
  func size() throws(JournalError) -> Int
  /// All of `bytes`, or an error. Durable after `sync`; until then any part of it, in sectors, may or may not survive a crash.
  func write(_ bytes: Bytes, at offset: Int) throws(JournalError)
  /// Up to `count` bytes, fewer only at the file's end.
  func read(at offset: Int, count: Int) throws(JournalError) -> Bytes
  /// Contents and size are durable when this returns.
  func sync() throws(JournalError)
  func close()
}
