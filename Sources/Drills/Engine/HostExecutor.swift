import Primitives
import Processes
import Site

/// Runs programs on hosts for a runbook: the lab's entry into a host, or a command of the site's own such as ssh.
public protocol HostExecutor: Sendable {
  /// Runs it to its end. Throws when it cannot be run, or does not end in time; a status other than 0 is an outcome.
  func run(_ words: [String], on host: HostName, timeout: Duration) async throws -> (status: Int32, output: String)
}

/// The site file's `hostCommand`: words before those of the program, with `{host}` and `{address}` filled in.
public struct CommandExecutor: HostExecutor {
  let site: Site
  let words: [String]

  /// Nil where the site file names no command.
  public init?(site: Site) {
    guard !site.hostCommand.isEmpty else { return nil }
    self.site = site
    words = site.hostCommand
  }

  public func run(_ words: [String], on host: HostName, timeout: Duration) async throws -> (status: Int32, output: String) {
    guard let known: Host = site.host(host) else { throw DrillError(.badRunbook, "No host is called \(host).") }
    let prefix: [String] = self.words.map {
      $0.replacing("{host}", with: host.value).replacing("{address}", with: known.address.description)
    }
    return try await Self.run(prefix + words, timeout: timeout)
  }

  /// What a program said, errors last.
  public static func run(_ words: [String], timeout: Duration) async throws -> (status: Int32, output: String) {
    let outcome: Command.Outcome = try await Command(words, timeout: timeout).outcome()
    let text: String = (outcome.output + outcome.errors).text
    let end: String.Index = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? text.startIndex
    return (outcome.status, String(text[..<end].prefix(DrillLimits.messageCharacters)))
  }
}
