import Glibc
import Keyspace
import Primitives
import Testing

@testable import Store

/// A disk that damages the files that values lie in, under members that serve.
@Suite(.serialized) struct UnreadableValueTests {
  /// The files have no names, but this process has them open.
  @discardableResult private func damage(_ folder: String) throws -> Int {
    var damaged: Int = 0
    for descriptor in 3..<1024 {
      var name = [CChar](repeating: 0, count: 4096)
      guard readlink("/proc/self/fd/\(descriptor)", &name, 4095) > 0,
        String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix(folder + "/values-")
      else { continue }
      let file = open("/proc/self/fd/\(descriptor)", O_WRONLY)
      try #require(file >= 0)
      defer { close(file) }
      let zeros = Bytes(repeating: 0, count: 1 << 20)
      #expect(pwrite(file, zeros, zeros.count, 0) == zeros.count)
      damaged += 1
    }
    return damaged
  }

  private func key(_ number: Int) -> Bytes { Bytes("k\(number)") }
  private func value(_ number: Int) -> Bytes { Bytes("\(number) ") + Bytes(repeating: 7, count: 3000) }

  @Test(arguments: [1, 3])
  func `a read of a value that is damaged is refused, and the member reads all values back and serves again`(_ members: Int) async throws {
    try await TestCluster.with(members, { $0.valueMemoryBytes = 50_000 }) { cluster in
      let leader: Int = try await cluster.waitForLeader()
      let store: Store = cluster[leader]
      for number in 0..<300 { _ = try await store.put(key(number), value(number)) }
      #expect(try await store.get(key(250)).keyValues.first?.value == value(250))
      #expect(try damage(store.configuration.directory) > 0)
      // With several members another may have answered first; a read of this member's own state cannot.
      let refused = await code { _ = try await store.range(RangeRequest(key: key(100), serializable: true)) }
      #expect(refused == .corrupt)
      try await wait("the member to serve what it was given") {
        (try? await store.range(RangeRequest(key: key(100), serializable: true)))?.keyValues.first?.value == value(100)
      }
      #expect(store.health(liveOnly: true) == nil)
      for number in 0..<300 { #expect(try await store.get(key(number)).keyValues.first?.value == value(number)) }
      _ = try await store.put(key(1), value(2))
      #expect(try await store.get(key(1)).keyValues.first?.value == value(2))
    }
  }

  @Test func `a decision that would need a damaged value is taken by no member wrongly`() async throws {
    try await TestCluster.with(3, { $0.valueMemoryBytes = 50_000 }) { cluster in
      let leader: Int = try await cluster.waitForLeader()
      for number in 0..<300 { _ = try await cluster[leader].put(key(number), value(number)) }
      let damagedOne: Int = (leader + 1) % 3
      try await wait("all to have applied everything") { cluster[damagedOne].revision == cluster[leader].revision }
      #expect(try damage(cluster[damagedOne].configuration.directory) > 0)
      // The comparison holds on the others; on the damaged member the value reads as nothing.
      let request = TransactionRequest(
        compares: [Compare(key(100), .equal, .value(value(100)))], success: [.put(PutRequest(key: Bytes("chosen"), value: Bytes("right")))],
        failure: [.put(PutRequest(key: Bytes("chosen"), value: Bytes("wrong")))])
      #expect(try await cluster[leader].transact(request).succeeded)
      try await wait("the damaged member to agree") {
        guard let hash = try? await cluster[damagedOne].hash(revision: 0) else { return false }
        return try await cluster[leader].hash(revision: 0).hash == hash.hash
      }
      #expect(
        try await cluster[damagedOne].range(RangeRequest(key: Bytes("chosen"), serializable: true)).keyValues.first?.value == Bytes("right")
      )
    }
  }

  @Test func `a disk that keeps no value ends the member with a sentence`() async throws {
    try await TestCluster.with(1, { $0.valueMemoryBytes = 50_000 }) { cluster in
      _ = try await cluster.waitForLeader()
      let store: Store = cluster[0]
      for number in 0..<300 { _ = try await store.put(key(number), value(number)) }
      for _ in 0...StoreLimits.rereads {
        // The member that is about to be made anew may still take a write: its files are not those that count then.
        try await wait("a read of a damaged value to be refused") {
          guard (try? await store.put(Bytes("other"), [])) != nil else { return false }
          try damage(store.configuration.directory)
          return await code { _ = try await store.range(RangeRequest(key: key(80), serializable: true)) } == .corrupt
        }
      }
      try await wait("it to give up") { store.health(liveOnly: true)?.contains("times within an hour") == true }
    }
  }
}
