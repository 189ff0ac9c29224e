/// One thing wrong with a site file, where it stands and why, for a person.
public struct SiteProblem: Error, Hashable, Sendable, CustomStringConvertible {
  public let file: String
  /// From 1; 0 when the problem has no place.
  public let line: Int
  public let column: Int
  public let reason: String
  public init(file: String, line: Int, column: Int, reason: String) {
    self.file = file
    self.line = line
    self.column = column
    self.reason = reason
  }
  public var description: String { "\(file):\(line):\(column): \(reason)" }
}

/// Everything found wrong, in the order of the file.
public struct SiteProblems: Error, Sendable, CustomStringConvertible {
  public let problems: [SiteProblem]
  public init(problems: [SiteProblem]) { self.problems = problems }
  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// A place in the file, carried beside a value until all checks are done.
public struct Place: Hashable, Sendable {
  public var line: Int
  public var column: Int
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// Collects problems, so that one run tells them all.
public final class ProblemCollector {
  let file: String
  public private(set) var problems: [SiteProblem] = []
  public init(file: String) { self.file = file }
  public func add(_ place: Place, _ reason: String) {
    problems.append(SiteProblem(file: file, line: place.line, column: place.column, reason: reason))
  }
  public var sorted: [SiteProblem] { problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) } }
}
