import COpenSSL
import Primitives

/// Bytes into and out of OpenSSL's readers and writers.
enum PEM {
  static func read<Value>(_ bytes: Bytes, _ body: (OpaquePointer?) throws -> Value) rethrows -> Value {
    try bytes.withUnsafeBytes { raw in
      // A null buffer means an error to BIO_new_mem_buf; nothing at all is a file without PEM blocks.
      let bio: OpaquePointer? = raw.isEmpty ? BIO_new(BIO_s_mem()) : BIO_new_mem_buf(raw.baseAddress, Int32(raw.count))
      defer { BIO_free(bio) }
      return try body(bio)
    }
  }

  static func write(_ body: (OpaquePointer?) -> Int32) -> Bytes {
    let bio: OpaquePointer? = BIO_new(BIO_s_mem())
    defer { BIO_free(bio) }
    let done: Int32 = body(bio)
    precondition(done == 1, "OpenSSL cannot write PEM into memory: \(OpenSSLErrors.drain())")
    var start: UnsafeMutablePointer<CChar>?
    let count: Int = tricenter_bio_memory(bio, &start)
    return Bytes(UnsafeRawBufferPointer(start: start, count: count))
  }
}
