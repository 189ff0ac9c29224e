/// What may grow in this module and how far. Callers may lower the ones that `TLSContext.Configuration` names.
public enum TLSLimits {
  /// Bytes of plaintext that a handler keeps for a peer that does not read (or has not finished the handshake) before it
  /// gives the connection up.
  public static let bufferedPlaintext: Int = 64 << 20
  /// Seconds from the first byte to a finished handshake. A half-open connection holds about 60 KB for that long.
  public static let handshakeSeconds: Int = 10
  /// The most that one `SSL_write` is given, and about the most ciphertext in one buffer below us.
  static let encryptedPiece: Int = 256 << 10
  /// Writes smaller than this are copied together first: one TLS record holds 16 KiB (RFC 8446 section 5.1).
  static let mergedPiece: Int = 16 << 10
  /// A refused peer's bytes are read and dropped this long, and this many of them, so that it sees our alert and not a reset.
  static let lingerMilliseconds: Int64 = 500
  static let lingerBytes: Int = 256 << 10
  /// Refusals are logged once per address and reason and minute; so many pairs are remembered.
  static let refusalsRemembered: Int = 1024
  static let refusalSeconds: Int64 = 60
  /// Identity and trust files are looked at again this often, when a connection is made.
  static let fileCheckSeconds: Int64 = 1
  /// Certificate, key and trust files beyond this are refused.
  static let fileBytes: Int = 4 << 20
  /// Certificates that a PEM file may hold.
  static let certificatesPerFile: Int = 1024
}
