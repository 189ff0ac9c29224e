import Glibc
import Journal
import Primitives
import Synchronization

/// A folder whose syncs hang while they are told to.
final class StallingDisk: Disk {
  final class Switch: Sendable {
    let isStalled = Atomic<Bool>(false)
  }
  private let disk: PosixDisk
  private let stall: Switch

  init(_ path: String, _ stall: Switch) {
    disk = PosixDisk(path)
    self.stall = stall
  }

  var path: String { disk.path }
  func lock() throws(JournalError) { try disk.lock() }
  func unlock() { disk.unlock() }
  func list() throws(JournalError) -> [String] { try disk.list() }
  func open(_ name: String, create: Bool) throws(JournalError) -> any DiskFile {
    File(file: try disk.open(name, create: create), stall: stall)
  }
  func rename(_ from: String, to: String) throws(JournalError) { try disk.rename(from, to: to) }
  func remove(_ name: String) throws(JournalError) { try disk.remove(name) }
  func syncDirectory() throws(JournalError) { try disk.syncDirectory() }

  private struct File: DiskFile {
    let file: any DiskFile
    let stall: Switch
    var name: String { file.name }
    func size() throws(JournalError) -> Int { try file.size() }
    func write(_ bytes: Bytes, at offset: Int) throws(JournalError) { try file.write(bytes, at: offset) }
    func read(at offset: Int, count: Int) throws(JournalError) -> Bytes { try file.read(at: offset, count: count) }
    func sync() throws(JournalError) {
      while stall.isStalled.load(ordering: .relaxed) { usleep(2000) }
      try file.sync()
    }
    func close() { file.close() }
  }
}
