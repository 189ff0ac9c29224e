/// One thing wrong with a site file, where it stands and why, for a person.
public struct SiteProblem: Error, Hashable, Sendable, CustomStringConvertible {
  public let file: String
  /// From 1; 0 when the problem has no place.
  public let line: Int
  public let column: Int
  public let reason: String
  public var description: String { "\(file):\(line):\(column): \(reason)" }
}

/// Everything found wrong, in the order of the file.
public struct SiteProblems: Error, Sendable, CustomStringConvertible {
  public let problems: [SiteProblem]
  public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// A place in the file, carried beside a value until all checks are done.
struct Place: Hashable, Sendable {
  var line: Int
  var column: Int
}

/// Collects problems, so that one run tells them all.
final class ProblemCollector {
  let file: String
  private(set) var problems: [SiteProblem] = []
  init(file: String) { self.file = file }
  func add(_ place: Place, _ reason: String) {
    problems.append(SiteProblem(file: file, line: place.line, column: place.column, reason: reason))
  }
  var sorted: [SiteProblem] { problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) } }
}
