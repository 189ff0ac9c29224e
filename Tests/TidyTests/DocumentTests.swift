import Glibc
import Testing

/// Scripts parse, and the commands that the READMEs show name what exists.
@Suite struct DocumentTests {
  static var scripts: [SourceFile] {
    Repository.files.filter { $0.path.hasSuffix(".sh") || $0.bytes.starts(with: "#!/bin/bash".utf8) }
  }

  @Test func everyScriptParses() throws {
    #expect(Self.scripts.count >= 9)
    for script in Self.scripts {
      let command = "bash -n '\(Repository.root)/\(script.path)' 2>&1"
      let stream = try #require(popen(command, "r"))
      var said: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4_096)
      while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { said += buffer[..<count] }
      #expect(pclose(stream) == 0, "\(String(decoding: said, as: UTF8.self))")
    }
  }

  @Test func aScriptIsExecutableAndStrict() {
    for file in Repository.files where file.bytes.starts(with: "#!".utf8) && !file.isData {
      #expect(file.isExecutable, "\(file.path) begins with #! and cannot be executed: chmod +x \(file.path)")
      #expect(file.lines(with: "set -euo pipefail").count == 1, "\(file.path) lacks set -euo pipefail")
    }
  }

  /// Paths of this checkout in the shell blocks of every README.
  @Test func readmeCommandsNameFilesThatExist() {
    var problems: [String] = []
    var checked: Int = 0
    for file in Repository.files where file.isMarkdown {
      for command in Self.shellLines(file) {
        for word in command.text.split(separator: " ") {
          guard ["sites/", "runbooks/", "Tests/", "Sources/", ".ci/"].contains(where: { word.hasPrefix($0) }) else { continue }
          guard
            !word.contains(where: { "<>*{[ABCDEFGHIJKLMNOPQRSUVWXYZ".contains($0) }) || word.hasPrefix("Tests/")
              || word.hasPrefix("Sources/")
          else { continue }
          checked += 1
          if !Repository.exists(String(word)) { problems.append("\(file.path):\(command.line): \(word) does not exist") }
        }
      }
    }
    expectNone(problems)
    #expect(checked > 4)
  }

  /// `tricenter VERB` in a shell block is a verb of the executable.
  @Test func readmeCommandsNameVerbsThatExist() {
    let program: String = Repository.files.filter { $0.isSwift && $0.isBelow("Sources/tricenter") }.map(\.text).joined()
    var problems: [String] = []
    for file in Repository.files where file.isMarkdown {
      for command in Self.shellLines(file) {
        let words: [Substring] = command.text.split(separator: " ")
        guard words.count > 1, words[0] == "tricenter" || words[0].hasSuffix("/tricenter"), !words[1].hasPrefix("-") else { continue }
        if !program.contains("commandName: \"\(words[1])\"") {
          problems.append("\(file.path):\(command.line): tricenter has no verb \(words[1])")
        }
      }
    }
    expectNone(problems)
  }

  /// Lines of ```sh and ```bash blocks, without what follows a #.
  private static func shellLines(_ file: SourceFile) -> [(line: Int, text: String)] {
    var inside: Bool = false
    var found: [(line: Int, text: String)] = []
    for line in file.lines {
      let text: String = line.text
      if text.hasPrefix("```") {
        inside = !inside && (text == "```sh" || text == "```bash")
      } else if inside {
        found.append((line.number, String(text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).first ?? "")))
      }
    }
    return found
  }

  /// The tests of Site and Drills read them; this one sees that none is forgotten.
  @Test func everySiteAndRunbookIsReadByATest() {
    let readers: String = Repository.files.filter { $0.isSwift && $0.isBelow("Tests/SiteTests", "Tests/DrillsTests") }.map(\.text).joined()
    var problems: [String] = []
    for file in Repository.files where file.path.hasSuffix("/site.yaml") && file.isBelow("sites") {
      if !readers.contains(file.path.dropFirst("sites".count)) { problems.append("\(file.path) is read by no test") }
    }
    for file in Repository.files where file.path.hasSuffix(".yaml") && file.isBelow("runbooks") {
      if !readers.contains(file.path) { problems.append("\(file.path) is read by no test") }
    }
    expectNone(problems)
  }

  @Test func linksBetweenDocumentsLeadSomewhere() {
    var problems: [String] = []
    for file in Repository.files where file.isMarkdown && !file.isData {
      let folder: Substring = file.path.contains("/") ? file.path[..<file.path.lastIndex(of: "/")!] : ""
      for chunk in file.text.split(separator: "](").dropFirst() {
        let target: Substring = chunk.prefix { $0 != ")" && $0 != "#" && $0 != "\n" }
        guard !target.isEmpty, !target.contains("://"), !target.contains(" ") else { continue }
        let path: String = folder.isEmpty ? String(target) : "\(folder)/\(target)"
        if !Repository.exists(path) { problems.append("\(file.path): the link to \(target) leads nowhere") }
      }
    }
    expectNone(problems)
  }
}
