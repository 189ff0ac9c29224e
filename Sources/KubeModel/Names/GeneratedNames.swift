/// `generateName`: a prefix and five characters that make no words (no vowels, no 0, 1, 3).
public enum GeneratedNames {
  public static let alphabet: [Character] = Array("bcdfghjklmnpqrstvwxz2456789")
  public static let suffixLength: Int = 5

  /// - Parameter random: from the caller; a collision is answered with 409 and tried again there.
  public static func name(prefix: String, using random: inout some RandomNumberGenerator) -> String {
    String(prefix.prefix(NameRules.generatedPrefixLength)) + suffix(suffixLength, using: &random)
  }

  public static func suffix(_ length: Int, using random: inout some RandomNumberGenerator) -> String {
    String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
  }

  /// A number in that alphabet, as ReplicaSets carry their template's hash (`rand.SafeEncodeString` of its decimal digits).
  public static func safeEncoded(_ text: String) -> String {
    String(text.utf8.map { alphabet[Int($0) % alphabet.count] })
  }
}
