import Glibc
import Primitives

/// The input that a worker is about to feed, in memory shared with whoever watches it: when the worker dies, or does not come back, the
/// input is still there.
///
///     0 number of the input (8)   8 its length (4)   16 the input
final class FuzzSlot {
  private static let bytes: Int = 16 + Mutator.inputLimit
  private let memory: UnsafeMutableRawPointer

  /// Throws `TortureError` when the file cannot be made or mapped.
  init(path: String) throws {
    let file: Int32 = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw TortureError(.ground, "\(path) cannot be made: \(String(cString: strerror(errno))).") }
    defer { close(file) }
    guard ftruncate(file, off_t(Self.bytes)) == 0, let memory = mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      memory != MAP_FAILED
    else { throw TortureError(.ground, "\(path) cannot be mapped: \(String(cString: strerror(errno))).") }
    self.memory = memory
  }

  deinit { munmap(memory, Self.bytes) }

  func put(_ input: Bytes, number: UInt64) {
    precondition(input.count <= Mutator.inputLimit, "an input of \(input.count) bytes")
    memory.storeBytes(of: number, as: UInt64.self)
    memory.storeBytes(of: UInt32(input.count), toByteOffset: 8, as: UInt32.self)
    input.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { (memory + 16).copyMemory(from: start, byteCount: bytes.count) }
    }
  }

  var number: UInt64 { memory.load(as: UInt64.self) }
  var input: Bytes {
    let count: Int = min(Mutator.inputLimit, Int(memory.load(fromByteOffset: 8, as: UInt32.self)))
    return Bytes(UnsafeRawBufferPointer(start: memory + 16, count: count))
  }
}
