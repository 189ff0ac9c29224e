import ArgumentParser
import Glibc
import KubeModel
import Primitives
import Yams

/// `-o` of the commands that show objects, as kubectl has it.
enum ListFormat: String, ExpressibleByArgument, CaseIterable {
  case table, wide, json, yaml, name
}

/// What is drawn for people only where people look: symbols and colour on a terminal, and never with NO_COLOR (https://no-color.org).
struct Terminal {
  let isTerminal: Bool
  let hasColour: Bool

  static let output: Terminal = {
    let isTerminal: Bool = isatty(1) == 1
    func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    let isRefused: Bool = variable("NO_COLOR")?.isEmpty == false || variable("TERM") == "dumb"
    return Terminal(isTerminal: isTerminal, hasColour: isTerminal && !isRefused)
  }()

  enum Mood: String { case good = "32", bad = "31", uncertain = "33" }

  func painted(_ text: String, _ mood: Mood) -> String { hasColour ? "\u{1B}[\(mood.rawValue)m\(text)\u{1B}[0m" : text }

  func mark(_ mood: Mood) -> String {
    guard isTerminal else { return "" }
    switch mood {
    case .good: return painted("✓", mood) + " "
    case .bad: return painted("✗", mood) + " "
    case .uncertain: return painted("?", mood) + " "
    }
  }
}

/// Rows in columns, as kubectl draws them: upper-case titles, three spaces between.
struct TextTable {
  var titles: [String]
  var rows: [[String]] = []

  init(_ titles: [String]) { self.titles = titles }

  var text: String {
    let all: [[String]] = [titles] + rows
    let widths: [Int] = titles.indices.map { column in all.map { $0.count > column ? Self.width($0[column]) : 0 }.max() ?? 0 }
    return all.map { row in
      row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - Self.width(cell) + 3)
      }.joined()
    }.joined(separator: "\n")
  }

  /// Letters on the screen: colours take none.
  static func width(_ text: String) -> Int {
    var count: Int = 0
    var isColour: Bool = false
    for letter in text {
      if letter == "\u{1B}" { isColour = true }
      if !isColour { count += 1 }
      if isColour, letter == "m" { isColour = false }
    }
    return count
  }
}

/// Objects as `-o` wants them. `name` is KIND/NAME as kubectl writes it.
enum ObjectOutput {
  static func text(_ objects: [KubeObject], _ format: ListFormat, isList: Bool = true, table: (_ wide: Bool) -> TextTable) -> String {
    switch format {
    case .table: return table(false).text
    case .wide: return table(true).text
    case .name: return objects.map { "\($0.kind.lowercased()).federation.tricenter.io/\($0.name)" }.joined(separator: "\n")
    case .json: return document(objects, isList).pretty()
    case .yaml: return yaml(document(objects, isList))
    }
  }

  private static func document(_ objects: [KubeObject], _ isList: Bool) -> JSONValue {
    guard isList else { return objects.first?.json ?? .null }
    return ["apiVersion": "v1", "kind": "List", "items": .array(objects.map(\.json))]
  }

  static func yaml(_ value: JSONValue) -> String {
    let text: String = (try? Yams.serialize(node: node(value), width: -1, allowUnicode: true)) ?? ""
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  private static func node(_ value: JSONValue) -> Node {
    switch value {
    case .null: return .scalar(.init("null", Tag(.null)))
    case .bool(let flag): return .scalar(.init(flag ? "true" : "false", Tag(.bool)))
    case .int(let number): return .scalar(.init(String(number), Tag(.int)))
    case .double(let number): return .scalar(.init(String(number), Tag(.float)))
    case .string(let text): return .scalar(.init(text, Tag(.str), plain(text) ? .any : .doubleQuoted))
    case .array(let items): return .sequence(.init(items.map(node), Tag(.seq)))
    case .object(let members): return .mapping(.init(members.members.map { (Node($0.key, Tag(.str)), node($0.value)) }, Tag(.map)))
    }
  }

  /// Text that a reader of YAML would take for something else is quoted.
  private static func plain(_ text: String) -> Bool {
    guard let first = text.utf8.first, !text.isEmpty else { return false }
    let isLetter: Bool = (first >= 65 && first <= 90) || (first >= 97 && first <= 122)
    let words: Set<String> = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    return isLetter && !words.contains(text.lowercased()) && !text.contains("\n")
  }
}

/// How old something is, from a time that an object tells; wall clocks of two machines may differ.
enum Age {
  static func text(_ time: JSONValue, _ now: WallTime) -> String {
    guard let then: WallTime = time.string.flatMap({ WallTime(rfc3339: $0) }) else { return "-" }
    let milliseconds: Int64 =
      (now.secondsSince1970 - then.secondsSince1970) * 1_000 + Int64(now.nanoseconds - then.nanoseconds) / 1_000_000
    return text(milliseconds: milliseconds)
  }

  static func text(milliseconds: Int64) -> String {
    let seconds: Int64 = max(0, milliseconds) / 1_000
    switch seconds {
    case ..<1: return "\(max(0, milliseconds))ms"
    case ..<120: return "\(seconds)s"
    case ..<7_200: return "\(seconds / 60)m"
    case ..<172_800: return "\(seconds / 3_600)h"
    default: return "\(seconds / 86_400)d"
    }
  }
}
