import Primitives
import Processes
import Site

/// Runs programs on hosts for a runbook: the lab's entry into a host, or a command of the site's own such as ssh.
public protocol HostExecutor: Sendable {
  /// Runs it to its end. Throws when it cannot be run, or does not end in time; a status other than 0 is an outcome.
  func run(_ words: [String], on host: HostName, timeout: Duration) async throws -> (status: Int32, output: String)
  /// The same with all of its output, for what is read by a machine. `{program}` is the federation's own program, `{site}` its site
  /// file, `{pki}` the folder of certificates, `{data}` that of the store's member, `{keep}` one for backups and certificates; `{center}`,
  /// `{host}` and `{address}` are the host's.
  func output(_ words: [String], on host: HostName, timeout: Duration) async throws -> HostOutput
}

public struct HostOutput: Sendable {
  public var status: Int32
  public var output: String
  public var errors: String
  public init(status: Int32, output: String, errors: String) {
    self.status = status
    self.output = output
    self.errors = errors
  }
}

/// Where things lie on a host.
public struct HostPlaces: Sendable {
  public var program: String = "tricenter"
  public var site: String = "/etc/tricenter/site.yaml"
  public var pki: String = "/etc/tricenter/pki"
  public var data: String = "/var/lib/tricenter/center"
  public var keep: String = "/var/lib/tricenter/keep"
  public init() {}

  public func fill(_ words: [String], host: Host, center: CenterName) -> [String] {
    let known: [(String, String)] = [
      ("{program}", program), ("{site}", site), ("{pki}", pki), ("{data}", data), ("{keep}", keep), ("{host}", host.name.value),
      ("{center}", center.value), ("{address}", host.address.description),
    ]
    return words.map { word in known.reduce(word) { $0.replacing($1.0, with: $1.1) } }
  }
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

  public func output(_ words: [String], on host: HostName, timeout: Duration) async throws -> HostOutput {
    guard let known: Host = site.host(host), let center: Center = site.center(of: host) else {
      throw DrillError(.badRunbook, "No host is called \(host).")
    }
    return try await Self.output(HostPlaces().fill(self.words + words, host: known, center: center.name), timeout: timeout)
  }

  public static func output(_ words: [String], timeout: Duration) async throws -> HostOutput {
    var command = Command(words, timeout: timeout)
    command.outputLimit = DrillLimits.hostOutputBytes
    let outcome: Command.Outcome = try await command.outcome()
    return HostOutput(status: outcome.status, output: outcome.output.text, errors: outcome.errors.text)
  }

  /// What a program said, errors last.
  public static func run(_ words: [String], timeout: Duration) async throws -> (status: Int32, output: String) {
    let outcome: Command.Outcome = try await Command(words, timeout: timeout).outcome()
    let text: String = (outcome.output + outcome.errors).text
    let end: String.Index = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? text.startIndex
    return (outcome.status, String(text[..<end].prefix(DrillLimits.messageCharacters)))
  }
}
