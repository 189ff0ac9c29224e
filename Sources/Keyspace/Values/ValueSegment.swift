import Glibc
import Primitives
import Synchronization

/// One file of values, written from its front to its end and then only read. It has no name in its folder, so it goes when the last
/// record that
/// has its value in it goes, or the process: what is durable stands in the journal and its snapshots, and fills these files anew at the
/// next
/// start.
final class ValueSegment: Sendable {
  private struct Tail: Sendable {
    /// What is not in the file yet, from `start` on.
    var bytes: Bytes = []
    var start: Int = 0
    var isBroken: Bool = false
  }
  private let descriptor: Int32
  private let tail: Mutex<Tail> = Mutex(Tail())
  /// Up to here everything is in the file.
  private let written = Atomic<Int>(0)
  /// Bytes of values that somebody still holds.
  let live = Atomic<Int>(0)
  /// Nothing is added any more; its size.
  let sealedBytes = Atomic<Int>(0)
  /// Mostly freed: what lives in it is to move.
  let isSparse = Atomic<Bool>(false)

  /// nil where no file can be made.
  init?(directory: String) {
    var template: [CChar] = Array((directory + "/values-XXXXXX").utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { return nil }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(template)
  }

  deinit { close(descriptor) }

  /// Where the value begins, and whether more may follow. On one thread at a time.
  func append(_ value: Bytes) -> (offset: Int, isUsable: Bool) {
    tail.withLock { tail in
      let offset: Int = tail.start + tail.bytes.count
      tail.bytes.append(contentsOf: value)
      if tail.bytes.count >= KeyspaceLimits.valueTailBytes { flush(&tail) }
      return (offset, !tail.isBroken && offset + value.count < KeyspaceLimits.valueSegmentBytes)
    }
  }

  func seal() {
    tail.withLock { tail in
      flush(&tail)
      sealedBytes.store(tail.start + tail.bytes.count, ordering: .relaxed)
    }
  }

  /// A file that takes no more, say on a full disk, keeps its tail in memory.
  private func flush(_ tail: inout Tail) {
    guard !tail.isBroken, !tail.bytes.isEmpty else { return }
    var done: Int = 0
    while done < tail.bytes.count {
      let count: Int = tail.bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress! + done, $0.count - done, off_t(tail.start + done)) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        tail.isBroken = true
        return
      }
      done += count
    }
    tail.start += done
    tail.bytes = []
    written.store(tail.start, ordering: .releasing)
  }

  /// nil when the file cannot be read.
  func read(_ offset: Int, _ count: Int) -> Bytes? {
    if offset + count > written.load(ordering: .acquiring) {
      let held: Bytes? = tail.withLock { tail in
        guard offset >= tail.start else { return nil }
        return Bytes(tail.bytes[(offset - tail.start)..<(offset - tail.start + count)])
      }
      if let held { return held }
    }
    var done: Int = 0
    let bytes = Bytes(unsafeUninitializedCapacity: count) { buffer, initialized in
      while done < count {
        let got: Int = pread(descriptor, buffer.baseAddress! + done, count - done, off_t(offset + done))
        if got < 0, errno == EINTR { continue }
        if got <= 0 { break }
        done += got
      }
      initialized = done
    }
    return done == count ? bytes : nil
  }
}
