import Glibc

/// A conversation with an instance, in a file that people read: blocks of commands, `----`, and what came of them, up to an
/// empty line. Lines before a block that begin with `#` are told to nobody but the reader.
///
/// ```
/// # A member that hears nobody asks before it raises the term.
/// tick 1 20
/// ----
/// 1 becomes preCandidate in term 0
/// ```
///
/// With `TRICENTER_REWRITE=1` in the environment the answers are written anew. Commit a rewrite only if you know what caused it.
public enum Transcript {
  public struct Difference: Sendable, CustomStringConvertible {
    public var path: String
    public var line: Int
    public var commands: String
    public var expected: String
    public var actual: String

    public var description: String {
      "\(path):\(line)\n\(commands)\n---- expected\n\(expected)\n---- actual\n\(actual)\n(TRICENTER_REWRITE=1 rewrites the file)"
    }
  }

  /// Runs every command line of the file in order; `answer` returns what it has to say (without a newline at the end; several
  /// commands of a block are joined). Returns the blocks that answered otherwise than written; none after a rewrite.
  public static func check(_ path: String, answer: (String) throws -> String) throws -> [Difference] {
    let lines: [Substring] = try readText(path).split(separator: "\n", omittingEmptySubsequences: false)
    var differences: [Difference] = []
    var rewritten: [String] = []
    var place: Int = 0
    while place < lines.count {
      if lines[place].isEmpty || lines[place].hasPrefix("#") {
        rewritten.append(String(lines[place]))
        place += 1
        continue
      }
      let start: Int = place
      var commands: [String] = []
      while place < lines.count, !lines[place].isEmpty, lines[place] != "----" {
        if !lines[place].hasPrefix("#") { commands.append(String(lines[place])) }
        rewritten.append(String(lines[place]))
        place += 1
      }
      var expected: [String] = []
      if place < lines.count, lines[place] == "----" {
        place += 1
        while place < lines.count, !lines[place].isEmpty {
          expected.append(String(lines[place]))
          place += 1
        }
      }
      let answers: [String] = try commands.map { try answer($0) }.filter { !$0.isEmpty }
      let actual: String = answers.isEmpty ? "ok" : answers.joined(separator: "\n")
      rewritten += ["----", actual]
      if actual != expected.joined(separator: "\n") {
        differences.append(
          Difference(
            path: path, line: start + 1, commands: commands.joined(separator: "\n"), expected: expected.joined(separator: "\n"),
            actual: actual))
      }
    }
    guard getenv("TRICENTER_REWRITE").map({ String(cString: $0) }) == "1" else { return differences }
    while rewritten.last == "" { rewritten.removeLast() }
    try writeText(rewritten.joined(separator: "\n") + "\n", to: path)
    return []
  }

  public struct FileError: Error, CustomStringConvertible {
    public var description: String
  }

  public static func readText(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw FileError(description: "\(path) cannot be read: \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count: Int = fread(&buffer, 1, buffer.count, file)
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  public static func writeText(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else {
      throw FileError(description: "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    let bytes: [UInt8] = Array(text.utf8)
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
      throw FileError(description: "\(path) was not written whole: \(String(cString: strerror(errno)))")
    }
  }

  /// The files of a folder that end with `suffix`, sorted.
  public static func files(in folder: String, suffix: String) throws -> [String] {
    guard let stream = opendir(folder) else {
      throw FileError(description: "\(folder) cannot be listed: \(String(cString: strerror(errno)))")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name: String = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(suffix) { names.append(name) }
    }
    return names.sorted()
  }
}
