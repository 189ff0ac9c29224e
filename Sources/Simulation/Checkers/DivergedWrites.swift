import Journal
import Primitives

/// What a returning member says that it alone had: `diverged-EPOCH.jsonl`, read by a parser of our own.
struct DivergedWrites {
  private struct Line: Hashable {
    var key: String
    var revision: Int64
  }
  private var lines: Set<Line> = []
  var count: Int { lines.count }

  init(_ disk: FaultyDisk, _ name: String) throws {
    let file: any DiskFile = try disk.open(name, create: false)
    defer { file.close() }
    for text in try file.read(at: 0, count: try file.size()).text.split(separator: "\n") {
      guard let key = Self.field("key", text), let revision = Self.field("revision", text).flatMap({ Int64($0) }) else {
        throw MalformedBytes("a line without key and revision: \(text)", offset: 0)
      }
      lines.insert(Line(key: key, revision: revision))
    }
  }

  /// `"name":"value"` or `"name":value`, where values hold no quotes, as here.
  private static func field(_ name: String, _ line: Substring) -> String? {
    guard let start = line.firstRange(of: "\"\(name)\":")?.upperBound else { return nil }
    let rest: Substring = line[start...]
    if rest.first == "\"" { return rest.dropFirst().firstIndex(of: "\"").map { String(rest.dropFirst()[..<$0]) } }
    return rest.firstIndex { $0 == "," || $0 == "}" }.map { String(rest[..<$0]) }
  }

  func lacks(_ writes: [KeyValueModel.Event]) -> String? {
    for write in writes {
      let line = Line(key: ClientOperation.key(write.key).text, revision: write.revision)
      if !lines.contains(line) { return "lacks \(line.key) at revision \(line.revision), which only it had" }
    }
    return nil
  }
}
