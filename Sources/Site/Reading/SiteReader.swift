import Glibc
import Primitives
import Yams

/// Reads and checks a site file. Throws `SiteProblems` with every problem found, each with line and column.
public enum SiteReader {
  /// A site file is small; more than this is a mistake.
  public static let maximumBytes: Int = 1 << 20

  public static func read(path: String) throws -> Site {
    guard let file = fopen(path, "r") else {
      throw SiteProblems(problems: [
        SiteProblem(file: path, line: 0, column: 0, reason: "cannot be read: \(String(cString: strerror(errno)))")
      ])
    }
    defer { fclose(file) }
    var bytes = Bytes(repeating: 0, count: maximumBytes + 1)
    let count: Int = fread(&bytes, 1, bytes.count, file)
    guard count <= maximumBytes else {
      throw SiteProblems(problems: [SiteProblem(file: path, line: 0, column: 0, reason: "is larger than \(maximumBytes) bytes")])
    }
    return try parse(bytes[..<count].reduceText, file: path)
  }

  public static func parse(_ text: String, file: String) throws -> Site {
    let problems = ProblemCollector(file: file)
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw SiteProblems(problems: [yamlProblem(error, file: file)])
    }
    guard let node, let site: (Site, SitePlaces) = readSite(node, problems) else {
      if problems.problems.isEmpty { problems.add(Place(line: 1, column: 1), "the file holds no site") }
      throw SiteProblems(problems: problems.sorted)
    }
    checkSite(site.0, site.1, problems)
    guard problems.problems.isEmpty else { throw SiteProblems(problems: problems.sorted) }
    return site.0
  }

  private static func yamlProblem(_ error: YamlError, file: String) -> SiteProblem {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      SiteProblem(file: file, line: mark.line, column: mark.column, reason: "is not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      SiteProblem(
        file: file, line: context.mark.line, column: context.mark.column,
        reason: "\(duplicates.sorted().joined(separator: ", ")) stands twice in the mapping that begins here")
    default:
      SiteProblem(file: file, line: 0, column: 0, reason: "is not YAML: \(error)")
    }
  }
}

extension ArraySlice where Element == UInt8 {
  fileprivate var reduceText: String { String(decoding: self, as: UTF8.self) }
}

/// Where the values stood, by the path of the field.
struct SitePlaces {
  private var places: [String: Place] = [:]
  subscript(path: String) -> Place {
    get { places[path] ?? Place(line: 1, column: 1) }
    set { places[path] = newValue }
  }
}
