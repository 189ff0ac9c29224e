import Primitives

extension KubeModelError.Code {
  /// A label or field selector that does not read as one.
  public static let badSelector = Self("badSelector")
}

extension LabelSelector {
  /// Reads the form of requests: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, `a>1`, `a<1`, joined by commas.
  /// - Throws: `badSelector` with what was found and what was expected.
  public static func parse(_ text: String) throws(KubeModelError) -> LabelSelector {
    var parser = Parser(text)
    return try parser.selector()
  }

  private struct Parser {
    private let tokens: [String]
    private var next: Int = 0
    private static let special: Set<Character> = ["=", "!", "(", ")", ",", ">", "<"]

    init(_ text: String) {
      var tokens: [String] = []
      var word: String = ""
      func end() {
        if !word.isEmpty { tokens.append(word) }
        word = ""
      }
      var characters: Substring = text[...]
      while let character: Character = characters.popFirst() {
        if character == " " || character == "\t" || character == "\n" || character == "\r" {
          end()
        } else if Self.special.contains(character) {
          end()
          if (character == "=" || character == "!"), characters.first == "=" {
            characters.removeFirst()
            tokens.append("\(character)=")
          } else {
            tokens.append(String(character))
          }
        } else {
          word.append(character)
        }
      }
      end()
      self.tokens = tokens
    }

    private var token: String? { next < tokens.count ? tokens[next] : nil }
    private static func isWord(_ token: String?) -> Bool { token?.first.map { !special.contains($0) } ?? false }

    private func expected(_ what: String) -> KubeModelError {
      KubeModelError(.badSelector, "unable to parse requirement: found '\(token ?? "")', expected: \(what)")
    }

    mutating func selector() throws(KubeModelError) -> LabelSelector {
      var requirements: [Requirement] = []
      guard token != nil else { return .everything }
      while true {
        requirements.append(try requirement())
        guard let separator: String = token else { break }
        guard separator == "," else { throw expected("',' or 'end of string'") }
        next += 1
        guard Self.isWord(token) || token == "!" else { throw expected("identifier after ','") }
      }
      return LabelSelector(requirements.sorted { $0.key < $1.key })
    }

    private mutating func requirement() throws(KubeModelError) -> Requirement {
      if token == "!" {
        next += 1
        return Requirement(try key(), .doesNotExist)
      }
      let key: String = try key()
      guard let comparison: String = token, comparison != "," else { return Requirement(key, .exists) }
      next += 1
      switch comparison {
      case "=", "==": return Requirement(key, .isIn, [try value()])
      case "!=": return Requirement(key, .notIn, [try value()])
      case ">", "<":
        let bound: String = try value()
        guard Int64(bound) != nil else {
          throw KubeModelError(
            .badSelector, "values[0]: Invalid value: \"\(bound)\": for 'Gt', 'Lt' operators, the value must be an integer")
        }
        return Requirement(key, comparison == ">" ? .greaterThan : .lessThan, [bound])
      case "in": return Requirement(key, .isIn, try values())
      case "notin": return Requirement(key, .notIn, try values())
      default:
        next -= 1
        throw expected("in, notin, =, ==, !=, gt, lt")
      }
    }

    private mutating func key() throws(KubeModelError) -> String {
      guard Self.isWord(token), let key: String = token else { throw expected("!, identifier, or 'end of string'") }
      let problems: [String] = NameRules.qualifiedName(key)
      guard problems.isEmpty else {
        throw KubeModelError(
          .badSelector, "unable to parse requirement: <nil>: Invalid value: \"\(key)\": \(problems.joined(separator: "; "))")
      }
      next += 1
      return key
    }

    private mutating func value() throws(KubeModelError) -> String {
      guard let word: String = token, word != "," else { return "" }
      guard Self.isWord(word) else { throw expected("identifier") }
      let problems: [String] = NameRules.labelValue(word)
      guard problems.isEmpty else {
        throw KubeModelError(
          .badSelector, "unable to parse requirement: values[0]: Invalid value: \"\(word)\": \(problems.joined(separator: "; "))")
      }
      next += 1
      return word
    }

    private mutating func values() throws(KubeModelError) -> [String] {
      guard token == "(" else { throw expected("'('") }
      next += 1
      var values: [String] = []
      while true {
        values.append(try token == ")" ? "" : value())
        guard let separator: String = token else { throw expected("',', or ')'") }
        next += 1
        if separator == ")" { return values }
        guard separator == "," else {
          next -= 1
          throw expected("',', or ')'")
        }
      }
    }
  }
}
