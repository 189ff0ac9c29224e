import Glibc
import Journal
import Primitives

func entry(_ index: UInt64, _ term: UInt64, _ payload: String = "") -> JournalEntry {
  JournalEntry(index: index, term: term, kind: 0, payload: Bytes(payload.isEmpty ? "\(index)/\(term)" : payload))
}

/// Small segments, so that a test passes through many.
func small(_ seed: UInt64, bytes: Int = 16 * 1024) -> JournalConfiguration {
  var configuration = JournalConfiguration(seed: seed)
  configuration.segmentBytes = bytes
  return configuration
}

func code(_ body: () throws -> Void) -> JournalError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? JournalError)?.code
  }
}

/// A folder that goes when the test ends.
final class TemporaryFolder: Sendable {
  let path: String
  init() {
    var template: [CChar] = Array("/tmp/tricenter-journal-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary folder") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
  deinit {
    let disk = PosixDisk(path)
    for name in (try? disk.list()) ?? [] { try? disk.remove(name) }
    rmdir(path)
  }
}

struct Pieces: SnapshotSource {
  var left: [Bytes]
  mutating func next() -> Bytes? { left.isEmpty ? nil : left.removeFirst() }
}
