import CZstd
import NIOCore
import Primitives

/// Compresses chunks, each for itself: a lost connection needs no shared history, and what one client writes never shares a window with
/// what another wrote earlier (whoever sees lengths on the wire could try secrets that way, as CRIME did with TLS). On one event loop.
final class Compressor {
  /// Zstandard's own scale. Level 3 costs a third more and gives nothing more on Kubernetes objects in chunks of 64 KiB.
  static let level: Int32 = 1
  /// Sizes before the compressed bytes.
  static let sizeBytes: Int = 4
  /// After so many chunks in a row that did not shrink (encrypted Secrets, images) …
  private static let patience: Int = 4
  /// … so many are sent as they are before the next attempt.
  private static let pause: Int = 16

  private let context: OpaquePointer
  private var space: UnsafeMutableRawBufferPointer
  private var misses: Int = 0
  /// The last chunk was worth it.
  private(set) var isShrinking: Bool = false

  init() {
    guard let context: OpaquePointer = ZSTD_createCCtx() else { preconditionFailure("no memory for a compressor") }
    self.context = context
    space = .allocate(byteCount: 0, alignment: 1)
  }

  deinit {
    ZSTD_freeCCtx(context)
    space.deallocate()
  }

  /// The chunk's size and its compressed form; nil if that saves less than a sixteenth.
  func compress(_ chunk: ByteBuffer) -> ByteBuffer? {
    if misses >= Self.patience {
      misses += 1
      if misses < Self.patience + Self.pause { return nil }
      misses = Self.patience - 1
    }
    let size: Int = chunk.readableBytes
    let bound: Int = ZSTD_compressBound(size)
    if space.count < bound {
      space.deallocate()
      space = .allocate(byteCount: bound, alignment: 16)
    }
    let written: Int = chunk.withUnsafeReadableBytes { source in
      ZSTD_compressCCtx(context, space.baseAddress, space.count, source.baseAddress, source.count, Self.level)
    }
    guard ZSTD_isError(written) == 0, written + Self.sizeBytes < size - size / 16 else {
      misses += 1
      isShrinking = false
      return nil
    }
    misses = 0
    isShrinking = true
    var buffer = ByteBufferAllocator().buffer(capacity: written + Self.sizeBytes)
    buffer.writeInteger(UInt32(size))
    buffer.writeBytes(UnsafeRawBufferPointer(rebasing: space[..<written]))
    return buffer
  }
}

/// The other side. What comes out is never larger than a chunk may be, whatever comes in.
final class Decompressor {
  private let context: OpaquePointer

  init() {
    guard let context: OpaquePointer = ZSTD_createDCtx() else { preconditionFailure("no memory for a decompressor") }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Throws `.frameTooLarge` for what says or gives more than `limit`, `.badFrame` for what is not what it says.
  func decompress(_ payload: ByteBuffer, limit: Int) throws(LinkError) -> ByteBuffer {
    var payload: ByteBuffer = payload
    guard let said: UInt32 = payload.readInteger() else { throw LinkError(.badFrame, "The peer sent a compressed chunk without its size.") }
    let size = Int(said)
    guard size <= limit else {
      throw LinkError(.frameTooLarge, "The peer sent a chunk that says it holds \(size) bytes; \(limit) are allowed.")
    }
    guard size > 0 else { throw LinkError(.badFrame, "The peer sent a compressed chunk that says it holds nothing.") }
    var result = ByteBufferAllocator().buffer(capacity: size)
    // One shot into memory of exactly that size: Zstandard stops where it ends and needs no window besides.
    let written: Int = result.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { target in
      let count: Int = payload.withUnsafeReadableBytes { source in
        ZSTD_decompressDCtx(context, target.baseAddress, size, source.baseAddress, source.count)
      }
      return ZSTD_isError(count) == 0 ? count : 0
    }
    guard written == size else {
      throw LinkError(.badFrame, "The peer sent a compressed chunk of \(payload.readableBytes) bytes that does not hold \(size).")
    }
    return result
  }
}
