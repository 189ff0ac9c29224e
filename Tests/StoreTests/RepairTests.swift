import Glibc
import Journal
import Keyspace
import Primitives
import Testing

@testable import Store

@Suite(.serialized) struct RepairTests {
  /// Turns bits of a file's byte at `offset`.
  private func flip(_ path: String, at offset: Int) throws {
    let descriptor: Int32 = open(path, O_RDWR)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var byte: UInt8 = 0
    #expect(pread(descriptor, &byte, 1, off_t(offset)) == 1)
    byte ^= 0x5A
    #expect(pwrite(descriptor, &byte, 1, off_t(offset)) == 1)
  }

  /// `catchUp` large: the leader still has the lost entries; small: it must send a snapshot.
  @Test(arguments: [UInt64(100_000), 20])
  func `a member whose log is damaged in the middle says so, is repaired by the leader, then votes again`(catchUp: UInt64) async throws {
    try await TestCluster.with(
      3,
      {
        $0.snapshotEntries = catchUp == 20 ? 200 : 100_000
        $0.catchUpEntries = catchUp
      }
    ) { cluster in
      let leader = try await cluster.waitForLeader()
      let broken = leader == 2 ? 1 : 2
      for value in 0..<150 { _ = try await cluster[leader].put(Bytes("k\(value % 60)"), Bytes(repeating: UInt8(value), count: 3000)) }
      try await wait("the follower") { cluster[broken].status.appliedIndex >= cluster[leader].status.appliedIndex }
      await cluster.stop(broken)
      try flip("\(cluster.directory(broken))/journal-0000000000000001", at: 100_000)
      for value in 0..<250 { _ = try await cluster[leader].put(Bytes("l\(value)"), Bytes("x")) }

      // Alone with its damage it serves nobody and says why.
      let other = 3 - leader - broken
      cluster.network.isolate(cluster.members[leader].id)
      cluster.network.isolate(cluster.members[other].id)
      try await cluster.start(broken)
      let member = cluster[broken]
      #expect(member.status.isRepairing && member.health()?.contains("damaged") == true && member.health(liveOnly: true) == nil)
      #expect(await code { _ = try await member.get(Bytes("k1"), serializable: true) } == .unavailable)
      #expect(await code { _ = try await member.put(Bytes("k1"), []) } == .unavailable)

      // The two others are heard again: they elect without it, and repair it.
      for number in [leader, other] {
        await cluster.stop(number)
        try await cluster.start(number)
      }
      try await wait("the repair") { !member.status.isRepairing && member.status.leader != nil }
      let all = try await cluster[leader].range(RangeRequest(everything))
      #expect(all.keyValues.count == 310)
      var local = RangeRequest(everything)
      local.serializable = true
      try await wait("its keys") { try await member.range(local).keyValues == all.keyValues }

      // It votes: without its vote there is no majority now. And it remembers that it is whole.
      let gone = cluster[leader].leadership.isLocal ? leader : other
      await cluster.kill(gone)
      _ = try await cluster[broken].put(Bytes("after"), Bytes("1"))
      await cluster.stop(broken)
      try await cluster.start(broken)
      #expect(!cluster[broken].status.isRepairing)
      try await wait("a write") { (try? await cluster[broken].put(Bytes("last"), [])) != nil }
    }
  }

  @Test func `a member alone cannot be repaired and refuses to start, by name`() async throws {
    let cluster = TestCluster(1)
    try await cluster.start(0)
    for value in 0..<50 { _ = try await cluster[0].put(Bytes("k"), Bytes(repeating: UInt8(value), count: 3000)) }
    await cluster.stop(0)
    try flip("\(cluster.directory(0))/journal-0000000000000001", at: 50_000)
    do {
      try await cluster.start(0)
      Issue.record("it started")
    } catch {
      let failure = try #require(error as? StoreError)
      #expect(failure.code == .cannotOpen && "\(failure)".contains("is damaged at byte"))
    }
    await cluster.finish()
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs root and the right to mount a tmpfs"))
  func `a member whose disk is full loses nothing, leads no more, and goes on by itself once there is space`() async throws {
    let cluster = TestCluster(3)
    let disk = try SmallDisk(cluster.directory(0), mebibytes: 48)
    defer { disk.unmount() }
    try await cluster.startAll()
    do {
      _ = try await cluster.waitForLeader()
      try disk.fill()
      let writer = cluster[1]
      var written: [String] = []
      // More than its segments hold; the others' majority goes on.
      for value in 0..<120 {
        let key = "k\(value)"
        if (try? await writer.put(Bytes(key), Bytes(repeating: 1, count: 50_000))) != nil { written.append(key) }
      }
      try await wait("the full disk") { cluster[0].status.disk.waitsForSpace }
      #expect(cluster[0].status.disk.problem(cluster.directory(0))?.contains("free space") == true)
      try await wait("another leader") { writer.leadership.leader != nil && writer.leadership.leader != cluster.members[0].id }
      _ = try await writer.put(Bytes("while full"), Bytes("1"))
      #expect(cluster[0].status.failure == nil && written.count > 100)

      disk.empty()
      try await wait("space") { !cluster[0].status.disk.waitsForSpace && cluster[0].status.disk.fullSeconds == 0 }
      // It counts again: another one goes, and writes are acknowledged with its disk.
      await cluster.kill(2)
      try await wait("a write") { (try? await writer.put(Bytes("after"), Bytes("1"))) != nil }
      let answer = try await cluster[0].range(RangeRequest(everything))
      let keys = Set(answer.keyValues.map(\.key.text))
      #expect(written.allSatisfy { keys.contains($0) } && keys.isSuperset(of: ["while full", "after"]))
    } catch {
      await cluster.finish()
      throw error
    }
    await cluster.finish()
  }
}

/// A file system of a few MiB in memory.
struct SmallDisk {
  private typealias Mount =
    @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>, UInt, UnsafePointer<CChar>) -> Int32
  private typealias Unmount = @convention(c) (UnsafePointer<CChar>, Int32) -> Int32
  private static let detach: Int32 = 2
  let path: String

  /// sys/mount.h is left out of Swift's Glibc.
  private static func symbol<Function>(_ name: String, _ type: Function.Type) -> Function? {
    dlsym(nil, name).map { unsafeBitCast($0, to: Function.self) }
  }

  static let isPossible: Bool = {
    var template: [CChar] = Array("/tmp/tricenter-mount-XXXXXX".utf8CString)
    guard geteuid() == 0, mkdtemp(&template) != nil else { return false }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { rmdir(path) }
    guard let disk = try? SmallDisk(path, mebibytes: 1) else { return false }
    disk.unmount()
    return true
  }()

  init(_ path: String, mebibytes: Int) throws {
    self.path = path
    mkdir(path, 0o700)
    let done: Int32? = Self.symbol("mount", Mount.self)?("tmpfs", path, "tmpfs", 0, "size=\(mebibytes)m")
    guard done == 0 else { throw NotInTime(description: "no tmpfs at \(path)") }
  }

  /// Leaves one MiB.
  func fill() throws {
    let descriptor: Int32 = open(path + "/ballast", O_WRONLY | O_CREAT, 0o600)
    let piece = Bytes(repeating: 1, count: 1 << 20)
    while let free = try PosixDisk(path).freeBytes(), free > 2 << 20 { _ = write(descriptor, piece, piece.count) }
    close(descriptor)
  }
  func empty() { unlink(path + "/ballast") }
  func unmount() { _ = Self.symbol("umount2", Unmount.self)?(path, Self.detach) }
}
