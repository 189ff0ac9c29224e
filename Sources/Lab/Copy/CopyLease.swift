import Glibc
import Primitives

/// How long a fenced copy may live: a file in its folder with a moment on this machine's monotonic clock. Every first process of the copy
/// looks
/// at it, so that the copy ends itself when nobody renews; a file that cannot be read is a lease that is over.
public struct CopyLease: Sendable {
  private let file: String
  init(_ directory: LabDirectory) { file = directory.copyLease }

  func renew(_ length: Duration, now: MonotonicTime) throws {
    try LabDirectory.write("\((now + length).nanoseconds)\n", to: file)
  }

  func isOver(_ now: MonotonicTime) -> Bool {
    guard let text: String = LabDirectory.read(file, limit: 64), let until = Int64(text.prefix { $0.isNumber }) else { return true }
    return MonotonicTime(nanoseconds: until) <= now
  }

  func end() { unlink(file) }
}

extension LabDirectory {
  /// The folder of this lab's fenced copy; a lab of its own.
  var copy: LabDirectory { LabDirectory(path: "\(path)/copy") }
  var copyLease: String { "\(path)/lease" }
  /// What a copy is of, and how it came to be: written first, so that whatever is there is found.
  var copyMarker: String { "\(path)/copy-of" }
  /// This folder is a copy's.
  var isCopy: Bool { LabDirectory.exists(copyMarker) }
}
