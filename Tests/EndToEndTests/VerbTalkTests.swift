import Federation
import Glibc
import KubeModel
import Primitives
import Processes
import Testing
import Yams

/// How people's commands talk: forms, colours, exit codes.
@Suite("Verbs: how they talk", .serialized) struct VerbTalkTests {
  private static func say(
    _ ground: VerbGround, _ words: [String], environment: [String: String] = [:]
  ) async throws -> (status: Int32, output: String, errors: String) {
    var command = Command(words, timeout: .seconds(60))
    command.environment = ProcessEnvironment.current.filter { !["NO_COLOR", "TERM", "KUBECONFIG"].contains($0.key) }.merging(
      ["KUBECONFIG": "\(ground.folder)/production.kubeconfig"].merging(environment) { $1 }
    ) { $1 }
    let outcome: Command.Outcome = try await command.outcome()
    return (outcome.status, outcome.output.text, outcome.errors.text)
  }

  @Test("every list in every form; symbols and colour on a terminal alone, and none with NO_COLOR; four exit codes") func talk()
    async throws
  {
    try await VerbGround.run { ground in
      let done = try await Self.say(ground, [Program.path, "switchover", "bank", "--to", "local-dr", "--yes", "--watch", "-o", "name"])
      #expect(done.status == 0 && done.output.hasPrefix("failover.federation.tricenter.io/bank-switchover-"), "\(done)")
      try await eventually("both centers are told of", within: .seconds(20)) {
        try await ground.client.list(.centers).items.filter { !$0.status["phase"].isNull }.count == 3
      }
      for line in ["status", "readiness", "operation list"] {
        let words: [String] = [Program.path] + line.split(separator: " ").map(String.init)
        var texts: [String: String] = [:]
        for form in ["table", "wide", "json", "yaml", "name"] {
          let said = try await Self.say(ground, words + ["-o", form])
          #expect([0, 1, 3].contains(said.status) && !said.output.isEmpty, "\(line) -o \(form): \(said)")
          #expect(!said.output.contains("\u{1B}") && !said.output.contains("✓"), "\(line) -o \(form) draws where no terminal is")
          texts[form] = said.output
        }
        let json: JSONValue = try JSONValue.parse(Bytes(texts["json"] ?? ""))
        #expect(!json["items"].array.isEmpty || !json["rows"].array.isEmpty, "\(line): \(json)")
        #expect(try Yams.compose(yaml: texts["yaml"] ?? "")?.mapping != nil)
        #expect((texts["name"] ?? "").split(separator: "\n").allSatisfy { $0.contains(".federation.tricenter.io/") }, "\(texts)")
        let wide: Int = (texts["wide"] ?? "").split(separator: "\n").first?.count ?? 0
        #expect(wide >= (texts["table"] ?? "").split(separator: "\n").first?.count ?? .max, "\(line): \(texts)")
      }
      let status = try await Self.say(ground, [Program.path, "status", "-o", "json"])
      let rows: [JSONValue] = try JSONValue.parse(Bytes(status.output))["rows"].array
      #expect(rows.allSatisfy { $0["age"].string?.isEmpty == false && $0["source"].string?.isEmpty == false }, "\(rows)")

      if findProgram("script") != nil {
        func onATerminal(_ environment: [String: String]) async throws -> String {
          try await Self.say(ground, ["script", "-qec", "\(Program.path) status", "/dev/null"], environment: environment).output
        }
        let painted: String = try await onATerminal(["TERM": "xterm"])
        #expect(painted.contains("\u{1B}[") && painted.contains("✓"), "\(painted)")
        let plain: String = try await onATerminal(["TERM": "xterm", "NO_COLOR": "1"])
        #expect(!plain.contains("\u{1B}[3") && plain.contains("✓"), "\(plain)")
        #expect(try await !onATerminal(["TERM": "dumb"]).contains("\u{1B}[3"))
      }

      for (words, status) in [
        (["operation", "show", "bank-switchover-nobody"], 1), (["switchover", "bank"], 2), (["status", "-o", "xml"], 2), (["swichover"], 2),
        (["switchover", "bank", "--to", "production"], 2), (["status", "--kubeconfig", "/nowhere"], 3),
      ] as [([String], Int32)] {
        let said = try await Self.say(ground, [Program.path] + words)
        #expect(said.status == status && !said.errors.isEmpty, "\(words): \(said)")
      }
      #expect(try await Self.say(ground, [Program.path, "switchover", "--help"]).status == 0)
    }
  }
}
