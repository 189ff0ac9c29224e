import Dispatch
import Glibc
import Primitives

/// A program to run to its end. Arguments go to it as they are: no shell.
public struct Command: Sendable {
  public var arguments: [String]
  public var input: Bytes = []
  public var environment: [String: String]?
  public var timeout: Duration = .seconds(30)
  /// Bytes kept of each output stream; more is read and dropped.
  public var outputLimit: Int = 1 << 20

  public init(_ arguments: [String], input: Bytes = [], timeout: Duration = .seconds(30)) {
    self.arguments = arguments
    self.input = input
    self.timeout = timeout
  }
  public init(_ arguments: String...) { self.init(arguments) }

  public struct Outcome: Sendable {
    /// Exit status; 128 + signal when a signal ended it.
    public var status: Int32
    public var output: Bytes
    public var errors: Bytes
  }

  /// Runs on a thread of its own, so that no task or loop is blocked. Throws `.cannotStart` or `.timeout`; a status other than 0 is an
  /// outcome.
  public func outcome() async throws -> Outcome {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(with: Result { try runBlocking() }) }
    }
  }

  /// The standard output of a run that must succeed. Throws `.failed` with what the program said.
  @discardableResult
  public func run() async throws -> String { try Self.checked(self, await outcome()) }

  @discardableResult
  public func runBlockingChecked() throws -> String { try Self.checked(self, runBlocking()) }

  private static func checked(_ command: Command, _ outcome: Outcome) throws -> String {
    guard outcome.status == 0 else {
      let said: String = (outcome.errors.isEmpty ? outcome.output : outcome.errors).text
      throw ProcessError(
        .failed, "`\(command.arguments.joined(separator: " "))` ended with status \(outcome.status): \(said.trimmed(to: 600))")
    }
    return outcome.output.text
  }
}

extension String {
  /// Without white space at the ends, and not longer than a message may be.
  func trimmed(to limit: Int) -> String {
    var text: Substring = self[...]
    while let first = text.first, first.isWhitespace { text = text.dropFirst() }
    while let last = text.last, last.isWhitespace { text = text.dropLast() }
    return String(text.prefix(limit))
  }
}
