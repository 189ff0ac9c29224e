import Primitives
import TLS

/// JSON Web Tokens (RFC 7519) as etcd's `--auth-token jwt,sign-method=…` makes them: claims `username`, `revision` and `exp`.
public struct JSONWebTokens: Sendable {
  public enum Method: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"
    case hs256 = "HS256"
  }
  let method: Method
  let lifetime: Duration
  /// Of HS256.
  private let secret: Bytes
  private let privateKey: PrivateKey?
  private let publicKey: PublicKey?

  /// With `privateKey` alone its public half verifies; with `publicKey` alone this member verifies and hands out none.
  /// - Throws: `.badEncoding` of a key.
  public init(_ method: Method, privateKey: PrivateKey?, publicKey: PublicKey?, lifetime: Duration = .seconds(300)) throws {
    self.method = method
    self.privateKey = privateKey
    self.publicKey = try publicKey ?? privateKey?.publicKey
    self.lifetime = lifetime
    secret = []
  }

  /// HS256 with a shared secret.
  public init(secret: Bytes, lifetime: Duration = .seconds(300)) {
    (method, self.secret, self.lifetime) = (.hs256, secret, lifetime)
    (privateKey, publicKey) = (nil, nil)
  }

  /// nil: this member cannot sign.
  func make(user: String, revision: UInt64, now: WallTime) -> String? {
    let expires: Int64 = now.secondsSince1970 + lifetime.inNanoseconds / 1_000_000_000
    var claims = JSONWriter()
    claims.beginObject()
    claims.name("exp")
    claims.raw(String(expires))
    claims.name("revision")
    claims.raw(String(revision))
    claims.name("username")
    claims.string(user)
    claims.endObject()
    let head: Bytes = Bytes(#"{"alg":"\#(method.rawValue)","typ":"JWT"}"#)
    let signed: String = Base64.encode(head, .url) + "." + Base64.encode(claims.bytes, .url)
    guard let signature: Bytes = sign(Bytes(signed)) else { return nil }
    return signed + "." + Base64.encode(signature, .url)
  }

  /// nil: another method, a wrong signature, or too old.
  func verify(_ token: String, now: WallTime) -> TokenClaims? {
    let parts: [Substring] = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let head: Bytes = Base64.decode(String(parts[0]), .url),
      let body: Bytes = Base64.decode(String(parts[1]), .url), let signature: Bytes = Base64.decode(String(parts[2]), .url)
    else { return nil }
    // The method is ours to say: a token that names another (or none) is not looked at further.
    guard case .object(let fields)? = try? JSONTree(head), case .string(method.rawValue)? = fields["alg"],
      isValid(signature, Bytes(parts[0] + "." + parts[1])), case .object(let claims)? = try? JSONTree(body),
      case .string(let user)? = claims["username"], case .number(let expiry)? = claims["exp"],
      let expires = Double(expiry), Double(now.secondsSince1970) < expires
    else { return nil }
    return TokenClaims(user: user, generation: nil)
  }

  private func sign(_ message: Bytes) -> Bytes? {
    if method == .hs256 { return HMACSHA256.authenticate(message, key: secret) }
    guard let signature: Bytes = try? privateKey?.sign(message) else { return nil }
    return method == .es256 ? ECDSAForm.fixed(signature) : signature
  }

  private func isValid(_ signature: Bytes, _ message: Bytes) -> Bool {
    if method == .hs256 { return HMACSHA256.isValid(signature, for: message, key: secret) }
    guard let publicKey else { return false }
    guard method == .es256 else { return publicKey.isValid(signature, for: message) }
    return ECDSAForm.sequence(signature).map { publicKey.isValid($0, for: message) } ?? false
  }
}

/// ECDSA signatures on P-256: 64 bytes in JWTs (RFC 7518 section 3.4), a DER sequence of two integers in libcrypto.
enum ECDSAForm {
  static func fixed(_ sequence: Bytes) -> Bytes? {
    guard sequence.count >= 8, sequence[0] == 0x30, Int(sequence[1]) == sequence.count - 2 else { return nil }
    var (place, result): (Int, Bytes) = (2, [])
    for _ in 0..<2 {
      guard place + 2 <= sequence.count, sequence[place] == 0x02 else { return nil }
      let length = Int(sequence[place + 1])
      guard place + 2 + length <= sequence.count else { return nil }
      let number: ArraySlice<UInt8> = sequence[place + 2..<place + 2 + length].drop { $0 == 0 }
      guard number.count <= 32 else { return nil }
      result += Bytes(repeating: 0, count: 32 - number.count) + number
      place += 2 + length
    }
    return place == sequence.count ? result : nil
  }

  static func sequence(_ fixed: Bytes) -> Bytes? {
    guard fixed.count == 64 else { return nil }
    var body: Bytes = []
    for half in [fixed[..<32], fixed[32...]] {
      var number = Bytes(half.drop { $0 == 0 })
      if number.isEmpty || number[0] >= 0x80 { number.insert(0, at: 0) }
      body += [0x02, UInt8(number.count)] + number
    }
    return [0x30, UInt8(body.count)] + body
  }
}
