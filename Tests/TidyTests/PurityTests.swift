import Testing

/// Instances read no clock, draw no unseeded lot and do no input or output: their shells do.
@Suite struct PurityTests {
  static let pureRooms: [String] = ["Consensus", "Keyspace", "Site", "KubeModel", "Simulation"]
  /// Files whose names say that they hold an instance or a decision, in any room.
  static let pureSuffixes: [String] = ["Instance.swift", "View.swift", "Decision.swift"]
  /// Shells that live in a pure room, each with its reason.
  static let shells: [String: String] = [
    "Sources/Keyspace/LocalKeyspace.swift": "a keyspace of this process's own, whose leases run out by the real clock"
  ]
  static let forbidden: [String] = [
    "Date()", "Task.sleep", "SystemClock", "ContinuousClock", "SuspendingClock", "clock_gettime", "gettimeofday", "usleep", "UUID()",
    "SystemRandomNumberGenerator", "randomElement()", "shuffled()", "DispatchQueue", "import Foundation", "import Dispatch",
  ]

  static var pureFiles: [SourceFile] {
    Repository.files.filter { file in
      guard file.isSwift, file.isBelow("Sources"), shells[file.path] == nil else { return false }
      return pureRooms.contains { file.isBelow("Sources/\($0)") } || pureSuffixes.contains { file.path.hasSuffix($0) }
    }
  }

  @Test func pureFilesAreFound() {
    #expect(Self.pureFiles.count > 150)
    for shell in Self.shells.keys { #expect(Repository.exists(shell), "\(shell) is gone: take it off the list") }
  }

  @Test func noClockNoThreadNoUnseededRandom() {
    var problems: [String] = []
    for file in Self.pureFiles {
      for word in Self.forbidden {
        problems += file.lines(with: word).map { "\(file.path):\($0): \(word) in a pure room" }
      }
    }
    expectNone(problems)
  }

  @Test func everyRandomNumberNamesItsSource() {
    var problems: [String] = []
    for file in Self.pureFiles {
      for number in file.lines(with: ".random(") {
        let line: String = file.line(number)
        if !line.contains("using:") { problems.append("\(file.path):\(number): a random number without a seeded source") }
      }
    }
    expectNone(problems)
  }

  @Test func noFoundationInSources() {
    let users: [String] = Repository.files.filter { $0.isBelow("Sources") && $0.imports.contains { $0.module == "Foundation" } }.map(\.path)
    #expect(users.isEmpty)
  }
}
