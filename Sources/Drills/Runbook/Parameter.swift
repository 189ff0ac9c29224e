import Primitives
import Site

/// A value that whoever begins a run may choose.
public struct Parameter: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    case text, number, time, boolean, center, host, cluster

    /// Why `text` cannot be meant, nil if it can.
    func objection(to text: String, site: Site) -> String? {
      switch self {
      case .text: nil
      case .number: Int(text).map { $0 >= 0 } == true ? nil : "\"\(text)\" is not a number"
      case .time: Duration(runbookText: text) == nil ? "\"\(text)\" is not a time such as 50ms" : nil
      case .boolean: text == "true" || text == "false" ? nil : "\"\(text)\" is neither true nor false"
      case .center: site.center(CenterName(text)) == nil ? "no center is called \(text)" : nil
      case .host: site.host(HostName(text)) == nil ? "no host is called \(text)" : nil
      case .cluster: site.clusters.contains { $0.name == text } ? nil : "no cluster is called \(text)"
      }
    }
  }

  public var name: String
  public var kind: Kind
  public var about: String
  /// Nil: whoever begins a run must give it.
  public var standard: String?
  var place: Place
}

/// `${NAME}` in a text. `$` before anything else than `{` stands for itself.
enum Substitution {
  /// Names that occur, in order.
  static func names(in text: String) -> [String] {
    var names: [String] = []
    _ = replace(text) { name in
      names.append(name)
      return ""
    }
    return names
  }

  /// What `value` has no answer for stays as it is.
  static func replace(_ text: String, _ value: (String) -> String?) -> String {
    var result: String = ""
    var rest: Substring = text[...]
    while let start: Range<Substring.Index> = rest.firstRange(of: "${") {
      result += rest[..<start.lowerBound]
      guard let end: Substring.Index = rest[start.upperBound...].firstIndex(of: "}") else { return result + rest[start.lowerBound...] }
      let name = String(rest[start.upperBound..<end])
      result += value(name) ?? "${\(name)}"
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }
}

extension Duration {
  /// What a site file takes, and whole hours and days: `12h`, `7d`.
  init?(runbookText text: String) {
    if let own = Duration(siteText: text) {
      self = own
      return
    }
    let units: [(Character, Int64)] = [("h", 3_600), ("d", 86_400)]
    guard let (_, seconds) = units.first(where: { text.last == $0.0 }), let number = Int64(text.dropLast()), (0...36_500).contains(number)
    else { return nil }
    self = .seconds(number * seconds)
  }

  /// As a runbook writes it, rounded to what people read: `50ms`, `1.5s`, `2m`, `12h`.
  var runbookText: String {
    let milliseconds: Int64 = inNanoseconds / 1_000_000
    if milliseconds < 1_000 { return "\(milliseconds)ms" }
    if milliseconds < 120_000 {
      return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100)s"
    }
    let seconds: Int64 = milliseconds / 1_000
    if seconds < 7_200 { return seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds / 60)m\(seconds % 60)s" }
    return seconds < 172_800 ? "\(seconds / 3_600)h" : "\(seconds / 86_400)d"
  }
}
