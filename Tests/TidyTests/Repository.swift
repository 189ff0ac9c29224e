import Glibc
import Testing

/// The files of this checkout as the checks see them: paths from the top, folders that begin with a dot left out, but for `.ci`.
enum Repository {
  /// From this file's own path, so that it does not matter where the tests are started.
  static let root: String = {
    let parts: [Substring] = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/")
  }()

  /// Every file below the folders and files of the top level that belong to the project.
  static let files: [SourceFile] = {
    let top: [String] = ["Package.swift", "README.md", "Sources", "Tests", "sites", "runbooks", ".ci"]
    return top.flatMap { walk($0) }
  }()

  static func entries(_ folder: String) -> [String] {
    guard let stream = opendir("\(root)/\(folder)") else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name: String = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func exists(_ path: String) -> Bool { access("\(root)/\(path)", F_OK) == 0 }

  private static func walk(_ path: String) -> [SourceFile] {
    var status = stat()
    guard lstat("\(root)/\(path)", &status) == 0 else { return [] }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return entries(path).filter { !$0.hasPrefix(".") }.flatMap { walk("\(path)/\($0)") }
    case S_IFREG: return [SourceFile(path: path, isExecutable: status.st_mode & S_IXUSR != 0)]
    default: return []
    }
  }
}

/// One file, read once. Searches run in the C library: these tests are built for debugging, and the checkout is megabytes.
struct SourceFile: Sendable {
  /// From the top of the checkout.
  let path: String
  let isExecutable: Bool
  let bytes: [UInt8]
  /// Where every line begins, and one place past the end.
  private let starts: [Int]
  /// In lower case, closed by 0.
  private let searched: [UInt8]

  init(path: String, isExecutable: Bool) {
    self.path = path
    self.isExecutable = isExecutable
    var bytes: [UInt8] = []
    if let file = fopen("\(Repository.root)/\(path)", "r") {
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
      fclose(file)
    }
    self.bytes = bytes
    var starts: [Int] = [0]
    bytes.withUnsafeBytes { raw in
      var place: Int = 0
      while place < raw.count, let found = memchr(raw.baseAddress! + place, 10, raw.count - place) {
        place = UnsafeRawPointer(found) - raw.baseAddress! + 1
        starts.append(place)
      }
    }
    if starts.last != bytes.count { starts.append(bytes.count + 1) }
    self.starts = starts
    var searched: [UInt8] = bytes + [0]
    searched.withUnsafeMutableBufferPointer { buffer in
      var pointer: UnsafeMutablePointer<UInt8> = buffer.baseAddress!
      let end: UnsafeMutablePointer<UInt8> = pointer + (buffer.count - 1)
      while pointer < end {
        if pointer.pointee &- 65 < 26 { pointer.pointee |= 32 }
        pointer += 1
      }
    }
    self.searched = searched
  }

  var name: Substring { path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...] }
  var isSwift: Bool { path.hasSuffix(".swift") }
  var isMarkdown: Bool { path.hasSuffix(".md") }
  var text: String { String(decoding: bytes, as: UTF8.self) }
  var lineCount: Int { starts.count - 1 }

  /// Numbered from 1, without the newline.
  func line(_ number: Int) -> String { String(decoding: bytes[starts[number - 1]..<(starts[number] - 1)], as: UTF8.self) }
  func bytesOfLine(_ number: Int) -> Int { starts[number] - 1 - starts[number - 1] }
  var lines: [(number: Int, text: String)] { (0..<lineCount).map { ($0 + 1, line($0 + 1)) } }

  /// Test data may look as it likes: it is what the outside world sends.
  var isData: Bool { path.contains("/testdata/") || path.contains("/data/") }
  /// Field tables made from the public API description, one line per field.
  var isSchemaTable: Bool { path.hasPrefix("Sources/KubeModel/Schemas/") }

  func isBelow(_ folders: String...) -> Bool { folders.contains { path.hasPrefix($0 + "/") } }

  /// Lines in which `word` stands, not as a part of a longer one; case does not matter.
  func lines(with word: String) -> [Int] {
    let wanted: [CChar] = word.utf8.map { CChar(bitPattern: Self.lowered($0)) } + [0]
    let length: Int = wanted.count - 1
    return searched.withUnsafeBytes { raw in
      let text: UnsafePointer<CChar> = raw.baseAddress!.assumingMemoryBound(to: CChar.self)
      var found: [Int] = []
      var line: Int = 1
      var from: UnsafePointer<CChar> = text
      while let hit: UnsafeMutablePointer<CChar> = strstr(from, wanted) {
        let place: Int = UnsafePointer(hit) - text
        from = UnsafePointer(hit) + 1
        if Self.isWord(raw[place]), place > 0, Self.isWord(raw[place - 1]) { continue }
        if Self.isWord(raw[place + length - 1]), Self.isWord(raw[place + length]) { continue }
        while starts[line] <= place { line += 1 }
        if found.last != line { found.append(line) }
      }
      return found
    }
  }

  private static func lowered(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }
  private static func isWord(_ byte: UInt8) -> Bool { byte &- 48 < 10 || (byte | 32) &- 97 < 26 || byte == 95 }
}

/// Fails with one line per problem, none of them twice.
func expectNone(_ problems: [String], sourceLocation: SourceLocation = #_sourceLocation) {
  if !problems.isEmpty { Issue.record("\(problems.joined(separator: "\n"))", sourceLocation: sourceLocation) }
}
