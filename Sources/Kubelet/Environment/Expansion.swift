/// `$(NAME)` in command, args and env values: replaced where NAME is known, left as it stands where not; `$$` is a plain `$`.
/// Source: k8s Container v1 core, field `command`.
public enum Expansion {
  public static func expand(_ text: String, _ values: (String) -> String?) -> String {
    guard text.utf8.contains(36) else { return text }
    var result: String = ""
    var rest: Substring = text[...]
    while let dollar: Substring.Index = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      guard let next: Character = rest.first else {
        result += "$"
        break
      }
      if next == "$" {
        result += "$"
        rest = rest.dropFirst()
      } else if next == "(", let end: Substring.Index = rest.firstIndex(of: ")") {
        let name = String(rest[rest.index(after: rest.startIndex)..<end])
        result += values(name) ?? "$(\(name))"
        rest = rest[rest.index(after: end)...]
      } else {
        // An operator that is never closed, or a dollar before anything else, stays.
        result += "$"
      }
    }
    return result + rest
  }
}
