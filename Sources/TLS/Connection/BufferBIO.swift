import COpenSSL
import NIOCore

/// A BIO over two `ByteBuffer`s: libssl reads records from where the socket's bytes already lie and writes records into what goes to
/// the socket, one copy less in each direction than OpenSSL's memory BIO.
enum BufferBIO {
  /// nonisolated(unsafe): made once under Swift's lock for globals, never changed or freed; OpenSSL only reads a method table.
  nonisolated(unsafe) private static let method: OpaquePointer = {
    guard let method: OpaquePointer = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tricenter byte buffer") else {
      preconditionFailure("libcrypto cannot make a BIO method: \(OpenSSLErrors.drain())")
    }
    BIO_meth_set_read(method) { bio, target, count in
      guard let bio, let target, count > 0, let session: TLSSession = session(of: bio) else { return 0 }
      tricenter_bio_clear_retry(bio)
      let taken: Int = session.takeInbound(into: UnsafeMutableRawBufferPointer(start: target, count: Int(count)))
      if taken == 0 {
        tricenter_bio_retry_read(bio)
        return -1
      }
      return Int32(taken)
    }
    BIO_meth_set_write(method) { bio, source, count in
      guard let bio, let source, count > 0, let session: TLSSession = session(of: bio) else { return 0 }
      tricenter_bio_clear_retry(bio)
      session.outbound.writeBytes(UnsafeRawBufferPointer(start: source, count: Int(count)))
      return count
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in
      // libssl flushes after each flight and counts on success; nothing else that it asks has an answer here.
      command == BIO_CTRL_FLUSH ? 1 : 0
    }
    return method
  }()

  private static func session(of bio: OpaquePointer) -> TLSSession? {
    BIO_get_data(bio).map { Unmanaged<TLSSession>.fromOpaque($0).takeUnretainedValue() }
  }

  /// The session must free its SSL, and with it this BIO, before it goes itself.
  static func make(for session: TLSSession) -> OpaquePointer? {
    guard let bio: OpaquePointer = BIO_new(method) else { return nil }
    BIO_set_data(bio, Unmanaged.passUnretained(session).toOpaque())
    BIO_set_init(bio, 1)
    return bio
  }
}
