import COpenSSL
import Primitives

/// Passwords as they may be kept: scrypt (RFC 7914) in libcrypto, N = 16,384, r = 8, p = 1, a salt of 16 bytes: 16 MiB and about 50 ms per
/// guess, what bcrypt costs at cost 10 without its limit of 72 bytes. The form names its parameters, so that they can grow later.
public enum PasswordHash {
  private static let logN: UInt8 = 14
  private static let r: UInt8 = 8
  private static let p: UInt8 = 1
  private static let saltBytes: Int = 16
  private static let hashBytes: Int = 32
  private static let form: UInt8 = 1

  /// Takes about 50 ms: not on an event loop.
  public static func make(_ password: Bytes) -> Bytes {
    let salt: Bytes = SecureRandom.bytes(saltBytes)
    guard let hash: Bytes = derive(password, salt, logN: logN, r: r, p: p) else {
      preconditionFailure("libcrypto cannot compute scrypt: \(OpenSSLErrors.drain())")
    }
    return [form, logN, r, p] + salt + hash
  }

  /// In a time that does not tell how much of the password was right; false for what `make` would not have written, unless it is the
  /// bcrypt of a password that was made elsewhere.
  public static func matches(_ password: Bytes, _ kept: Bytes) -> Bool {
    if BcryptHash.isOne(kept) { return BcryptHash.matches(password, kept) }
    guard kept.count == 4 + saltBytes + hashBytes, kept[0] == form, (10...20).contains(kept[1]), (1...16).contains(kept[2]),
      (1...16).contains(kept[3])
    else { return false }
    let salt = Bytes(kept[4..<4 + saltBytes])
    guard let hash: Bytes = derive(password, salt, logN: kept[1], r: kept[2], p: kept[3]) else {
      OpenSSLErrors.clear()
      return false
    }
    return ConstantTime.equal(hash, Bytes(kept[(4 + saltBytes)...]))
  }

  /// The bcrypt of a password that was made elsewhere, and that this machine can check.
  public static func isBcrypt(_ kept: Bytes) -> Bool { BcryptHash.isOne(kept) && BcryptHash.isChecked }

  /// 32 bytes that everybody gets who has the same words and the same purpose, as slowly as `make`.
  static func key(_ words: Bytes, purpose: String) -> Bytes {
    guard let key: Bytes = derive(words, Bytes(purpose), logN: logN, r: r, p: p) else {
      preconditionFailure("libcrypto cannot compute scrypt: \(OpenSSLErrors.drain())")
    }
    return key
  }

  private static func derive(_ password: Bytes, _ salt: Bytes, logN: UInt8, r: UInt8, p: UInt8) -> Bytes? {
    var hash = Bytes(repeating: 0, count: hashBytes)
    let memory: UInt64 = (128 << UInt64(logN)) * UInt64(r) * 2 + (1 << 20)
    // An empty Swift array may have no address, and EVP_PBE_scrypt() takes a null password for a request to check parameters.
    let text: Bytes = password + [0]
    let done: Int32 = text.withUnsafeBytes { text in
      EVP_PBE_scrypt(
        text.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt, salt.count, 1 << UInt64(logN), UInt64(r), UInt64(p),
        memory, &hash, hash.count)
    }
    return done == 1 ? hash : nil
  }
}
