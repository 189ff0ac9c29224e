import COpenSSL
import Primitives

/// One SSL_CTX: an identity, a trust, a policy. Never changed after `init`; a reload makes another.
///
/// `@unchecked Sendable`: both pointers are written once, in `init`. An SSL_CTX may be shared by threads as long as nobody changes it
/// (openssl-threads(7)); SSL_new only reads it and counts a reference atomically. Connections keep it alive through their session.
final class NativeContext: @unchecked Sendable {
  let pointer: OpaquePointer
  let role: TLSContext.Role
  /// The protocols in wire form (RFC 7301 section 3.1): libssl keeps a pointer into it until the handshake is written.
  let protocols: UnsafeMutableBufferPointer<UInt8>

  init(_ configuration: TLSContext.Configuration, identity: TLSIdentity?, trust: TLSTrust?) throws {
    OpenSSLErrors.clear()
    role = configuration.role
    var wire: Bytes = []
    for name in configuration.applicationProtocols {
      precondition((1...255).contains(name.utf8.count), "an ALPN name has 1 to 255 bytes, not \(name.utf8.count)")
      wire.append(UInt8(name.utf8.count))
      wire += Bytes(name)
    }
    protocols = .allocate(capacity: wire.count)
    _ = protocols.initialize(from: wire)
    guard let context: OpaquePointer = SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
      preconditionFailure("libssl cannot make a context: \(OpenSSLErrors.drain())")
    }
    pointer = context
    guard tricenter_ssl_ctx_harden(context) == 1 else {
      throw OpenSSLErrors.fault(.library, "This libssl, or the policy in its configuration file, does not allow TLS 1.3.")
    }
    try install(identity)
    try install(trust)
    if role == .server {
      SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
    } else if !wire.isEmpty {
      guard SSL_CTX_set_alpn_protos(context, wire, UInt32(wire.count)) == 0 else {
        throw OpenSSLErrors.fault(.library, "libssl refuses the list of application protocols.")
      }
    }
    let mode: Int32 =
      switch (role, configuration.clientCertificates) {
      case (.client, _): SSL_VERIFY_PEER
      case (.server, .required): SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
      case (.server, .requested): SSL_VERIFY_PEER
      case (.server, .none): SSL_VERIFY_NONE
      }
    SSL_CTX_set_verify(context, mode, judgeCertificate)
  }

  deinit {
    SSL_CTX_free(pointer)
    protocols.deallocate()
  }

  private func install(_ identity: TLSIdentity?) throws {
    guard let identity else { return }
    guard SSL_CTX_use_certificate(pointer, identity.certificate.pointer) == 1,
      SSL_CTX_use_PrivateKey(pointer, identity.key.native.pointer) == 1,
      identity.chain.dropFirst().allSatisfy({ tricenter_ssl_ctx_add_chain_certificate(pointer, $0.pointer) == 1 })
    else {
      throw OpenSSLErrors.fault(.badCertificate, "libssl refuses the certificate of \"\(identity.certificate.commonName)\".")
    }
  }

  private func install(_ trust: TLSTrust?) throws {
    guard let trust else { return }
    let store: OpaquePointer? = SSL_CTX_get_cert_store(pointer)
    for authority in trust.authorities {
      guard X509_STORE_add_cert(store, authority.pointer) == 1 else {
        throw OpenSSLErrors.fault(.badCertificate, "libssl refuses the authority \"\(authority.commonName)\".")
      }
      // Clients choose their certificate by the authorities that the server names (RFC 8446 section 4.2.4).
      if role == .server { SSL_CTX_add_client_CA(pointer, authority.pointer) }
    }
  }
}

private func session(of ssl: OpaquePointer?) -> TLSSession? {
  SSL_get_ex_data(ssl, 0).map { Unmanaged<TLSSession>.fromOpaque($0).takeUnretainedValue() }
}

/// The server's order decides. A client that offers only protocols we do not speak is told so (RFC 7301 section 3.2).
private func selectProtocol(
  ssl: OpaquePointer?, chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, chosenCount: UnsafeMutablePointer<UInt8>?,
  offered: UnsafePointer<UInt8>?, offeredCount: UInt32, argument: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session: TLSSession = session(of: ssl), session.context.protocols.count > 0 else { return SSL_TLSEXT_ERR_NOACK }
  let ours: UnsafeMutableBufferPointer<UInt8> = session.context.protocols
  var start: UnsafeMutablePointer<UInt8>?
  let result: Int32 = SSL_select_next_proto(&start, chosenCount, ours.baseAddress, UInt32(ours.count), offered, offeredCount)
  chosen?.pointee = UnsafePointer(start)
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Called by libssl for every certificate of the peer's chain, ours last. It has checked signatures, dates, uses and the name;
/// what is left is whether this peer may speak to us, which only the connection's own verification knows.
private func judgeCertificate(valid: Int32, store: OpaquePointer?) -> Int32 {
  let ssl: UnsafeMutableRawPointer? = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
  guard valid == 1 else {
    // Dates are looked at once the signature was found good, so this name is not a stranger's invention.
    let error: Int32 = X509_STORE_CTX_get_error(store)
    if error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID {
      session(of: ssl.map { OpaquePointer($0) })?.refusal = Certificate.life(X509_STORE_CTX_get_current_cert(store))
    }
    return 0
  }
  guard X509_STORE_CTX_get_error_depth(store) == 0 else { return 1 }
  guard let session: TLSSession = session(of: ssl.map { OpaquePointer($0) }), let certificate = X509_STORE_CTX_get_current_cert(store)
  else {
    return 0
  }
  guard let reason: String = session.verify?(Certificate.identity(certificate)) else { return 1 }
  session.refusal = reason
  X509_STORE_CTX_set_error(store, Int32(X509_V_ERR_APPLICATION_VERIFICATION))
  return 0
}
