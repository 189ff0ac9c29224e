import COpenSSL
import Primitives

/// libssl's error queue and verification result as a code to match on and a sentence that says what to do.
enum TLSFailure {
  static func describe(role: TLSContext.Role, verification: Int, refusal: String?, duringHandshake: Bool) -> TLSError {
    let first: UInt = OpenSSLErrors.first()
    let reason: Int32 = tricenter_error_is_ssl(first) == 1 ? tricenter_error_reason(first) : 0
    let alert: Bool = tricenter_error_is_alert(first) == 1
    let text: String = OpenSSLErrors.drain()
    if alert {
      return TLSError(
        .refusedByPeer,
        "The peer ended the connection with an alert: \(text). Its log says why; usually it does not accept our certificate.")
    }
    guard duringHandshake else {
      return TLSError(.protocolViolation, "What the peer sent is not a valid TLS record: \(text).")
    }
    switch reason {
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return certificate(verification, refusal)
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TLSError(.noCertificate, "The client showed no certificate, and this listener asks for one signed by its authority.")
    case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
      return TLSError(.notTLS, "The peer speaks HTTP without TLS; it must use https.")
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_RECORD_LENGTH_MISMATCH, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_BAD_RECORD_TYPE,
      SSL_R_UNEXPECTED_MESSAGE, SSL_R_RECORD_TOO_SMALL:
      return TLSError(.notTLS, "What the peer sends is not TLS: \(text).")
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW:
      return TLSError(.notTLS, "The peer offers no TLS 1.3, and nothing older is spoken here: \(text).")
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return TLSError(.handshakeFailed, "The client offers none of the application protocols that this listener speaks.")
    default:
      let peer: String = role == .server ? "client" : "server"
      return TLSError(.handshakeFailed, "The TLS handshake with the \(peer) failed: \(text).")
    }
  }

  private static func certificate(_ result: Int, _ refusal: String?) -> TLSError {
    let text: String = X509_verify_cert_error_string(result).map { String(cString: $0) } ?? "error \(result)"
    let life: String = refusal.map { " (\($0))" } ?? ""
    switch Int32(result) {
    case X509_V_ERR_APPLICATION_VERIFICATION where refusal != nil:
      return TLSError(.refused, "The peer is refused: \(refusal ?? text).")
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return TLSError(.certificateExpired, "The peer's certificate has expired\(life): renew it there, or set the clocks right.")
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return TLSError(.certificateExpired, "The peer's certificate is not valid yet\(life): set the clocks right.")
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      return TLSError(.wrongName, "The server's certificate is not for the name that was dialled: \(text).")
    default:
      return TLSError(.certificateUntrusted, "The peer's certificate is not one that our authorities vouch for: \(text).")
    }
  }
}
