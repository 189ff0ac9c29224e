import Testing

/// Many small files, narrow lines, a README per module, and nothing that belongs to one machine or was left for later.
@Suite struct ShapeTests {
  static let longestFile = 600
  static let widestLine = 140

  @Test func filesAreShort() {
    let sources: [SourceFile] = Repository.files.filter { $0.isSwift && $0.isBelow("Sources") && !$0.isSchemaTable }
    let lengths: [Int] = sources.map { $0.lineCount }.sorted()
    print(
      "source files: \(lengths.count), median \(lengths[lengths.count / 2]) lines, 90th percentile \(lengths[lengths.count * 9 / 10]), longest \(lengths.last ?? 0)"
    )
    let long: [String] = Repository.files.filter { $0.isSwift && !$0.isSchemaTable && !$0.isData && $0.lineCount > Self.longestFile }.map(
      \.path)
    #expect(long.isEmpty, "longer than \(Self.longestFile) lines: \(long)")
    #expect(lengths[lengths.count / 2] <= 120)
  }

  /// A line that holds text for people, or for a machine to match, may be as long as that text.
  @Test func linesAreNarrow() {
    var problems: [String] = []
    for file in Repository.files where file.isSwift && !file.isSchemaTable {
      guard (1..<file.lineCount + 1).contains(where: { file.bytesOfLine($0) > Self.widestLine }) else { continue }
      var insideText: Bool = false
      for line in file.lines {
        if !line.text.ranges(of: "\"\"\"").count.isMultiple(of: 2) { insideText.toggle() }
        guard !insideText, file.bytesOfLine(line.number) > Self.widestLine, !line.text.contains("\"") else { continue }
        let width: Int = line.text.unicodeScalars.count
        if width > Self.widestLine { problems.append("\(file.path):\(line.number): \(width) columns") }
      }
    }
    expectNone(problems)
  }

  @Test func everyModuleHasAReadme() {
    let silent: [String] = Repository.entries("Sources").filter { !Repository.exists("Sources/\($0)/README.md") }
    #expect(silent.isEmpty)
  }

  @Test func theTopLevelHoldsWhatItMay() {
    let allowed: Set<String> = ["Package.swift", "Sources", "Tests", "sites", "runbooks", "README.md"]
    // Package.resolved is written by every build and committed by nobody.
    let strange: [String] = Repository.entries("").filter { !$0.hasPrefix(".") && $0 != "Package.resolved" && !allowed.contains($0) }
    #expect(strange.isEmpty)
  }

  @Test func nothingIsLeftForLater() {
    var problems: [String] = []
    let words: [String] = ["TODO", "FIXME", "XXX", "HACK", "for now", "placeholder", "stub", "stubs"]
    for file in Repository.files where file.isBelow("Sources", "sites", "runbooks") && !file.isData && !file.isSchemaTable {
      for word in words {
        for number in file.lines(with: word) {
          let line: String = file.line(number)
          // The resolver of a DNS client has this name since RFC 1034.
          if line.contains("stub resolver") { continue }
          problems.append("\(file.path):\(number): \(word)")
        }
      }
    }
    expectNone(problems)
  }

  @Test func nothingNamesThisMachine() {
    // Put together, so that this file passes its own test.
    let folders: [String] = ["work", "home", "root", "Users"].map { "/\($0)/" }
    var problems: [String] = []
    for file in Repository.files where !file.isData {
      for folder in folders {
        for number in file.lines(with: folder) {
          let line: String = file.line(number)
          if Self.isAbsolute(folder, in: line) { problems.append("\(file.path):\(number): \(folder)") }
        }
      }
    }
    expectNone(problems)
  }

  /// Whether the folder begins a path, rather than standing inside a longer one.
  static func isAbsolute(_ folder: String, in line: String) -> Bool {
    for range in line.ranges(of: folder) {
      guard range.lowerBound > line.startIndex else { return true }
      let before: Character = line[line.index(before: range.lowerBound)]
      if !before.isLetter && !before.isNumber && !"_-.})*".contains(before) { return true }
    }
    return false
  }

  @Test func noKeyOrCertificateIsCommitted() {
    var problems: [String] = []
    let suffixes: [String] = [".pem", ".key", ".crt", ".p12", ".pfx", ".jks"]
    for file in Repository.files {
      if suffixes.contains(where: { file.path.hasSuffix($0) }) { problems.append(file.path) }
      for number in file.lines(with: "-----BEGIN") where file.line(number).hasPrefix("-----BEGIN ") {
        problems.append("\(file.path):\(number)")
      }
    }
    expectNone(problems)
  }
}
