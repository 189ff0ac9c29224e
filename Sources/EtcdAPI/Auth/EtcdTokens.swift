import HTTP
import Primitives
import TLS

/// What `Authenticate` hands out and callers show (etcd `--auth-token`).
public enum EtcdTokens: Sendable {
  /// Signed with a key of the store's own, which every member knows, so that a token from one member counts on every other. Clients cannot
  /// tell them from etcd's simple tokens.
  case simple(lifetime: Duration = .seconds(300))
  case jwt(JSONWebTokens)
}

/// A token's contents, once its signature was found right.
struct TokenClaims: Hashable, Sendable {
  var user: String
  /// Of simple tokens: worth nothing once the user's password has changed or the user was made anew.
  var generation: UInt64?
}

enum SimpleToken {
  private static let version: UInt8 = 1

  static func make(user: String, generation: UInt64, key: Bytes, expires: WallTime) -> String {
    var writer = ByteWriter()
    writer.byte(version)
    writer.block(Bytes(user))
    writer.unsigned(generation)
    writer.signed(expires.secondsSince1970)
    let body: Bytes = writer.take()
    return Base64.encode(body, .url) + "." + Base64.encode(HMACSHA256.authenticate(body, key: key), .url)
  }

  /// nil: not ours, not signed with this key, or too old.
  static func verify(_ token: String, key: Bytes, now: WallTime) -> TokenClaims? {
    let parts: [Substring] = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, !key.isEmpty, let body: Bytes = Base64.decode(String(parts[0]), .url),
      let code: Bytes = Base64.decode(String(parts[1]), .url), HMACSHA256.isValid(code, for: body, key: key)
    else { return nil }
    var reader = ByteReader(body)
    guard let form: UInt8 = try? reader.byte(), form == version, let name: Bytes = try? reader.block(),
      let user = String(validating: name, as: UTF8.self), let generation: UInt64 = try? reader.unsigned(),
      let expires: Int64 = try? reader.signed(), reader.isAtEnd, now.secondsSince1970 < expires
    else { return nil }
    return TokenClaims(user: user, generation: generation)
  }
}
