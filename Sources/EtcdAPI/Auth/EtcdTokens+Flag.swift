import Keyspace
import Primitives
import TLS

extension EtcdTokens {
  /// etcd's flag: `simple`, or `jwt,pub-key=FILE,priv-key=FILE,sign-method=RS256,ttl=10m`. Throws a `KeyspaceError` `.unsupported` whose
  /// sentence says what of it is not carried out.
  public init(flag: String, simpleLifetime: Duration = .seconds(300)) throws {
    let parts: [Substring] = flag.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.first == "jwt" else {
      guard flag == "simple" || flag.isEmpty else { throw Self.refusal("--auth-token=\(flag) is neither simple nor jwt,…") }
      self = .simple(lifetime: simpleLifetime)
      return
    }
    var options: [String: String] = [:]
    for part in parts.dropFirst() {
      let pair: [Substring] = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, options[String(pair[0])] == nil else {
        throw Self.refusal("--auth-token: \(part) is no option=value, or comes twice")
      }
      options[String(pair[0])] = String(pair[1])
    }
    let name: String = options["sign-method"] ?? ""
    guard let method = JSONWebTokens.Method(rawValue: name) else {
      let known: String = JSONWebTokens.Method.allCases.map(\.rawValue).joined(separator: ", ")
      throw Self.refusal("--auth-token: sign-method=\(name) is not carried out by this version; \(known) are")
    }
    let lifetime: Duration = try Self.duration(options["ttl"] ?? "5m")
    let privateFile: Bytes? = try options["priv-key"].map { try SecretFile.readSecret($0) }
    if method == .hs256 {
      guard let privateFile else { throw Self.refusal("--auth-token: HS256 needs priv-key=FILE") }
      self = .jwt(JSONWebTokens(secret: privateFile, lifetime: lifetime))
      return
    }
    let publicFile: Bytes? = try options["pub-key"].map { try SecretFile.read($0) }
    guard privateFile != nil || publicFile != nil else { throw Self.refusal("--auth-token: \(name) needs pub-key=FILE or priv-key=FILE") }
    self = .jwt(
      try JSONWebTokens(
        method, privateKey: try privateFile.map { try PrivateKey(pem: $0) }, publicKey: try publicFile.map { try PublicKey(pem: $0) },
        lifetime: lifetime))
  }

  private static func refusal(_ sentence: String) -> KeyspaceError { KeyspaceError(.unsupported, sentence) }

  /// Go's form for whole hours, minutes and seconds: `10m`, `1h30m`, `90s`.
  private static func duration(_ text: String) throws -> Duration {
    var (seconds, digits): (Int64, String) = (0, "")
    for character in text {
      if character.isNumber {
        digits.append(character)
        continue
      }
      guard let unit: Int64 = ["h": 3600, "m": 60, "s": 1][character], let count = Int64(digits), count < 1_000_000 else {
        throw refusal("--auth-token: ttl=\(text) is no duration such as 10m")
      }
      seconds += count * unit
      digits = ""
    }
    guard digits.isEmpty, seconds > 0 else { throw refusal("--auth-token: ttl=\(text) is no duration such as 10m") }
    return .seconds(seconds)
  }
}
