import Primitives

/// Equalities on fields, all of which must hold: `spec.nodeName=prod-1,status.phase!=Failed`. `\\`, `\,` and `\=` stand for these
/// characters in a value. Which fields a kind offers is in its `ResourceDefinition`.
public struct FieldSelector: Hashable, Sendable, CustomStringConvertible {
  public struct Term: Hashable, Sendable {
    public let field: String
    public let value: String
    public let equal: Bool
    public init(field: String, value: String, equal: Bool = true) {
      self.field = field
      self.value = value
      self.equal = equal
    }
  }
  public let terms: [Term]
  public init(_ terms: [Term]) { self.terms = terms }
  public static let everything = FieldSelector([])

  /// - Throws: `badSelector`.
  public static func parse(_ text: String) throws(KubeModelError) -> FieldSelector {
    var terms: [Term] = []
    for part in split(text) where !part.isEmpty {
      guard let term: Term = term(part) else {
        throw KubeModelError(.badSelector, "invalid selector: '\(text)'; can't understand '\(part)'")
      }
      terms.append(term)
    }
    return FieldSelector(terms)
  }

  private static func split(_ text: String) -> [String] {
    var parts: [String] = [""]
    var escaped: Bool = false
    for character in text {
      if character == ",", !escaped {
        parts.append("")
        continue
      }
      parts[parts.count - 1].append(character)
      escaped = character == "\\" && !escaped
    }
    return parts
  }

  private static func term(_ part: String) -> Term? {
    guard let place: String.Index = part.firstIndex(where: { $0 == "=" || $0 == "!" }) else { return nil }
    let field = String(part[..<place])
    var rest: Substring = part[place...]
    let equal: Bool
    if rest.hasPrefix("!=") {
      equal = false
      rest = rest.dropFirst(2)
    } else if rest.hasPrefix("==") {
      equal = true
      rest = rest.dropFirst(2)
    } else if rest.hasPrefix("=") {
      equal = true
      rest = rest.dropFirst()
    } else {
      return nil
    }
    var value: String = ""
    var escaped: Bool = false
    for character in rest {
      if escaped {
        guard "\\,=".contains(character) else { return nil }
        value.append(character)
        escaped = false
      } else if character == "\\" {
        escaped = true
      } else if character == "=" {
        return nil
      } else {
        value.append(character)
      }
    }
    return escaped || field.isEmpty ? nil : Term(field: field, value: value, equal: equal)
  }

  /// - Parameter value: reads a field's text from the object at hand; a missing field is the empty string.
  public func matches(_ value: (String) -> String) -> Bool {
    terms.allSatisfy { (value($0.field) == $0.value) == $0.equal }
  }

  /// The object's name, if the selector asks for exactly one: a list becomes a look-up.
  public var requiredName: String? { requiredValue(of: "metadata.name") }
  public func requiredValue(of field: String) -> String? { terms.first { $0.field == field && $0.equal }?.value }

  public var description: String {
    terms.map { term in
      let escaped: String = term.value.map { "\\,=".contains($0) ? "\\\($0)" : String($0) }.joined()
      return "\(term.field)\(term.equal ? "=" : "!=")\(escaped)"
    }.joined(separator: ",")
  }
}
