import KubeModel

/// Which number in a protobuf message is which field in JSON.
struct ProtobufNumbers: Sendable {
  enum Target: Sendable {
    /// `isPointer`: absent and zero are different things; otherwise a zero is noise that Go's encoder always writes.
    case field(String, isPointer: Bool)
    /// A message whose fields JSON has in the outer object.
    case inlined(String)
  }

  static let shared = ProtobufNumbers()
  private let messages: [String: [Int: Target]]

  func message(_ name: String) -> [Int: Target]? { messages[name] }

  private init() {
    var messages: [String: [Int: Target]] = [:]
    for line in String(describing: Self.source).split(separator: "\n") {
      let words: [Substring] = line.split(separator: " ")
      var targets: [Int: Target] = [:]
      for word in words.dropFirst() {
        guard let separator: Substring.Index = word.firstIndex(where: { $0 == "=" || $0 == "^" }) else { continue }
        let isPointer: Bool = word[..<separator].hasSuffix("*")
        guard let number = Int(word[..<separator].filter { $0 != "*" }) else {
          preconditionFailure("protobuf numbers: \(word) has no number")
        }
        let name = String(word[word.index(after: separator)...])
        targets[number] = word[separator] == "^" ? .inlined(name) : .field(name, isPointer: isPointer)
      }
      messages[String(words[0])] = targets
    }
    self.messages = messages
  }
}
