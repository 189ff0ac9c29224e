import Glibc
import Primitives
import Synchronization
import Testing

@testable import Keyspace

@Suite struct ValueFileTests {
  /// A folder that goes with the test; value files have no names in it.
  private final class Folder: Sendable {
    let path: String
    init() {
      var template: [CChar] = Array("/tmp/tricenter-values-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { fatalError("no temporary folder") }
      path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    deinit { rmdir(path) }
  }

  private func value(_ number: Int, _ size: Int) -> String {
    String(repeating: "\(number).", count: size / "\(number).".utf8.count + 1)
  }

  private func snapshot(_ keyspace: Keyspace) throws -> Bytes {
    var encoder = SnapshotEncoder(keyspace)
    var bytes: Bytes = []
    while let frame = try encoder.next() { bytes += frame }
    return bytes
  }

  @Test func `with values in files every answer, snapshot and hash is what it is with values in memory`() throws {
    let folder = Folder()
    let files = ValueFiles(directory: folder.path, memoryBytes: 100_000)
    var held = Keyspace()
    var filed = Keyspace(values: files)
    var random = SeededRandom(seed: 5)
    for step in 0..<3000 {
      let key = "k\(random.next() % 400)"
      let operation = step % 11 == 0 ? delete(key) : put(key, value(step, Int(random.next() % 3000)))
      #expect(try held.run([operation]) == filed.run([operation]))
      if step % 500 == 499 {
        try held.run(.compact(revision: held.revision - 100))
        try filed.run(.compact(revision: filed.revision - 100))
      }
    }
    #expect(filed.fileBytes > 100_000 && held.fileBytes == 0)
    #expect(filed.sizeBytes - filed.fileBytes < 700_000)
    #expect(try held.range(RangeRequest(everything)) == filed.range(RangeRequest(everything)))
    #expect(
      try held.range(RangeRequest(everything, revision: held.revision - 50))
        == filed.range(RangeRequest(everything, revision: held.revision - 50)))
    #expect(try held.hash() == filed.hash())
    let bytes = try snapshot(filed)
    #expect(try bytes == snapshot(held))
    var decoder = SnapshotDecoder(values: files)
    try decoder.consume(bytes)
    let restored = try decoder.finish()
    #expect(try restored.range(RangeRequest(everything)) == held.range(RangeRequest(everything)) && restored.fileBytes > 0)
  }

  @Test func `files go when their values go, and what is left in sparse ones moves`() throws {
    let folder = Folder()
    let files = ValueFiles(directory: folder.path, memoryBytes: 0)
    var keyspace = Keyspace(values: files)
    // Some ten files; one key in fifty of the first round is never written again.
    for round in 0..<4 {
      for number in 0..<800 where round == 0 || number % 50 != 0 {
        try keyspace.run([put("k\(number)", value(number + round, 50_000))])
      }
    }
    let most = files.fileCount
    #expect(most >= 9)
    try keyspace.run(.compact(revision: keyspace.revision))
    while keyspace.wantsTrimming { keyspace.trim(limit: 1000) }
    let afterCompaction = files.fileCount
    let expected = try keyspace.range(RangeRequest(everything))
    for _ in 0..<200 { keyspace.tidyValues() }
    #expect(files.fileCount < afterCompaction && files.fileCount <= 5, "\(most), \(afterCompaction), \(files.fileCount)")
    #expect(try keyspace.range(RangeRequest(everything)) == expected)
    #expect(keyspace.fileBytes >= 799 * 50_000)
    keyspace = Keyspace()
    #expect(files.liveBytes == 0)
  }

  /// What a disk would do to the files of `folder`: they have no names, but this process has them open.
  private func damage(_ folder: String) throws {
    var damaged: Int = 0
    for descriptor in 3..<256 {
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
    #expect(damaged > 0)
  }

  @Test func `a value that cannot be read back is an error of whatever would have used it, and never an answer`() throws {
    let folder = Folder()
    let files = ValueFiles(directory: folder.path, memoryBytes: 0)
    var keyspace = Keyspace(values: files)
    for number in 0..<400 { try keyspace.run([put("k\(number)", value(number, 2000))]) }
    #expect(keyspace.valueProblem == nil)
    try damage(folder.path)
    // What needs no value goes on.
    #expect(try keyspace.range(RangeRequest(everything, keysOnly: true)).keyValues.count == 400)
    #expect(keyspace.valueProblem == nil)
    let copy = keyspace
    func code(_ body: () throws -> Void) -> Fault<KeyspaceDomain>.Code? {
      do { try body() } catch { return (error as? KeyspaceError)?.code }
      return nil
    }
    #expect(code { _ = try keyspace.range(RangeRequest(key: Bytes("k3"))) } == .corrupt)
    #expect(keyspace.valueProblem?.message.contains("k3") == true)
    #expect(code { _ = try keyspace.hash() } == .corrupt)
    #expect(code { _ = try snapshot(copy) } == .corrupt)
    #expect(code { _ = try keyspace.events(for: WatchRequest(everything), from: WatchPosition(revision: 2), limit: 10) } == .corrupt)
    for _ in 0..<10 { keyspace.tidyValues() }
  }

  @Test func `where no file can be made values stay in memory`() throws {
    let files = ValueFiles(directory: "/nonexistent", memoryBytes: 0)
    var keyspace = Keyspace(values: files)
    for number in 0..<100 { try keyspace.run([put("k\(number)", value(number, 2000))]) }
    #expect(try keyspace.value("k7") == value(7, 2000))
    #expect(keyspace.fileBytes == 0)
  }
}
