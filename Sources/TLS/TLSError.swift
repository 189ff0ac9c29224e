import Primitives

public enum TLSDomain: FaultDomain { public static let name = "tls" }
/// Every failure of this module, with libssl's own reason in the sentence where there is one.
public typealias TLSError = Fault<TLSDomain>

extension Fault<TLSDomain>.Code {
  // Files and encodings.
  /// A file could not be read or written, or is too large.
  public static let badFile = Self("badFile")
  /// A private key that others than its owner may read. `chmod 600` it.
  public static let keyPermissions = Self("keyPermissions")
  /// Not a certificate, key, or signature of the expected form.
  public static let badEncoding = Self("badEncoding")
  /// Key and certificate do not belong together, or a certificate cannot be issued as described.
  public static let badCertificate = Self("badCertificate")
  /// libssl or libcrypto failed where only lack of memory or a broken installation explains it.
  public static let library = Self("library")

  // Handshakes: we refuse the peer.
  public static let certificateExpired = Self("certificateExpired")
  /// Not signed by an authority that we trust, or not for this use.
  public static let certificateUntrusted = Self("certificateUntrusted")
  /// The server's certificate is not for the name or address that was dialled.
  public static let wrongName = Self("wrongName")
  /// The verify closure gave a reason.
  public static let refused = Self("refused")
  public static let noCertificate = Self("noCertificate")
  /// The bytes are not TLS, or an old version of it.
  public static let notTLS = Self("notTLS")
  public static let handshakeFailed = Self("handshakeFailed")
  public static let handshakeTimeout = Self("handshakeTimeout")

  // The peer refuses us, or the connection ends.
  /// The peer sent a fatal alert.
  public static let refusedByPeer = Self("refusedByPeer")
  /// The connection ended without close_notify: the last bytes may be missing. Protocols with frames of their own may ignore it.
  public static let truncated = Self("truncated")
  /// A record that does not authenticate or breaks the protocol after the handshake.
  public static let protocolViolation = Self("protocolViolation")
  /// More plaintext waits for the peer than `TLSContext.Configuration.maximumBufferedBytes`.
  public static let bufferLimit = Self("bufferLimit")
}
