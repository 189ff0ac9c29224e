import COpenSSL
import NIOCore
import Primitives

/// One TLS connection as bytes in and bytes out, without sockets, time or logging; the channel handler is its shell.
/// Belongs to one event loop.
final class TLSSession {
  enum Progress {
    case done
    case needsBytes
    /// The peer's close_notify.
    case closed
    case failed(TLSError)
  }

  let context: NativeContext
  let verify: PeerVerification?
  /// Set by `judgeCertificate` before the handshake fails: what `verify` said, or whose certificate is out of its time.
  var refusal: String?
  /// Ciphertext on its way out.
  var outbound = ByteBuffer()
  private var inbound = ByteBuffer()
  private var ssl: OpaquePointer?

  /// Throws `.library`, or `.wrongName` for a server name that cannot be one.
  init(context: NativeContext, serverName: String?, verify: PeerVerification?) throws {
    self.context = context
    self.verify = verify
    OpenSSLErrors.clear()
    guard let ssl: OpaquePointer = SSL_new(context.pointer) else { throw OpenSSLErrors.fault(.library, "libssl cannot make a connection.") }
    self.ssl = ssl
    guard let bio: OpaquePointer = BufferBIO.make(for: self) else { throw OpenSSLErrors.fault(.library, "libcrypto cannot make a BIO.") }
    // Given twice, the BIO counts once.
    SSL_set_bio(ssl, bio, bio)
    SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
    if context.role == .server {
      SSL_set_accept_state(ssl)
    } else {
      SSL_set_connect_state(ssl)
      if let serverName { try expect(serverName, ssl) }
    }
  }

  deinit { SSL_free(ssl) }

  /// RFC 9525: an address is looked for among the certificate's addresses and is never sent as a name.
  private func expect(_ name: String, _ ssl: OpaquePointer) throws {
    let parameters: OpaquePointer? = SSL_get0_param(ssl)
    if IPText.bytes(name) != nil {
      guard X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 else {
        throw OpenSSLErrors.fault(.wrongName, "libssl refuses the address \(name).")
      }
      return
    }
    let host: String = name.hasSuffix(".") ? String(name.dropLast()) : name
    X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    guard IdentityURI.isName(host), X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count) == 1,
      tricenter_ssl_set_server_name(ssl, host) == 1
    else { throw TLSError(.wrongName, "\"\(name)\" is neither a host name nor an address.") }
  }

  // MARK: Bytes from the wire

  var inboundBytes: Int { inbound.readableBytes }

  func feed(_ bytes: inout ByteBuffer) {
    if inbound.readableBytes == 0 { inbound = bytes } else { inbound.writeBuffer(&bytes) }
  }

  func takeInbound(into target: UnsafeMutableRawBufferPointer) -> Int {
    inbound.readWithUnsafeReadableBytes { available in
      let count: Int = min(available.count, target.count)
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: available[..<count]))
      return (count, count)
    }
  }

  // MARK: Steps

  func handshake() -> Progress {
    OpenSSLErrors.clear()
    let result: Int32 = SSL_do_handshake(ssl)
    if result == 1 { return .done }
    return progress(result, duringHandshake: true)
  }

  /// Appends what can be decrypted of one record to `plaintext`; `.done` if there may be more.
  func read(into plaintext: inout ByteBuffer) -> Progress {
    OpenSSLErrors.clear()
    var result: Int32 = 0
    let ssl: OpaquePointer? = ssl
    plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 1024) { space in
      result = SSL_read(ssl, space.baseAddress, Int32(clamping: space.count))
      return max(0, Int(result))
    }
    return result > 0 ? .done : progress(result, duringHandshake: false)
  }

  /// Encrypts all of `plaintext` into `outbound`, in records of 16 KiB. Nil, or why the connection is at its end.
  func write(_ plaintext: UnsafeRawBufferPointer) -> TLSError? {
    guard !plaintext.isEmpty else { return nil }
    OpenSSLErrors.clear()
    // The BIO never asks to wait, so a write is whole or failed.
    let result: Int32 = SSL_write(ssl, plaintext.baseAddress, Int32(plaintext.count))
    guard result <= 0 else { return nil }
    if case .failed(let error) = progress(result, duringHandshake: false) { return error }
    return TLSError(.protocolViolation, "libssl did not take \(plaintext.count) bytes to encrypt.")
  }

  /// Puts close_notify into `outbound`, once the handshake is done.
  func shutdown() {
    if SSL_is_init_finished(ssl) == 1 { SSL_shutdown(ssl) }
    OpenSSLErrors.clear()
  }

  var negotiatedProtocol: String? {
    var start: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &start, &count)
    return count == 0 ? nil : String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
  }

  var peer: PeerIdentity? { SSL_get0_peer_certificate(ssl).map { Certificate.identity($0) } }

  private func progress(_ result: Int32, duringHandshake: Bool) -> Progress {
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsBytes
    case SSL_ERROR_ZERO_RETURN: return .closed
    default:
      return .failed(
        TLSFailure.describe(
          role: context.role, verification: SSL_get_verify_result(ssl), refusal: refusal, duringHandshake: duringHandshake))
    }
  }
}
