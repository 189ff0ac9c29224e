import Glibc
import Primitives
import Synchronization

/// The deadline until which exclusive pods may run, in a file that outlives this process: the next kubelet of the same boot goes by it
/// instead of granting a time of its own. Without a file, or with one of another boot, nothing may run.
///
/// One line of fixed length `BOOT-ID NANOSECONDS` by CLOCK_BOOTTIME, written over in place: a kill cannot tear so short a write, and a host
/// that loses its power comes back with another boot id, so nothing is synced and nothing renamed. About 4 writes a second.
final class FenceRecord: Sendable {
  private struct State {
    var file: Int32 = -1
    var kept: MonotonicTime?
  }
  let path: String
  private let bootID: String
  private let state: Mutex<State>

  init(path: String, bootID: String) {
    self.path = path
    self.bootID = bootID
    state = Mutex(State(kept: Self.read(path, bootID: bootID)))
  }
  deinit {
    let file: Int32 = state.withLock { $0.file }
    if file >= 0 { close(file) }
  }

  /// What a kubelet that started now would read; nil: nothing may run.
  var until: MonotonicTime? { state.withLock { $0.kept } }

  /// Keeps what `current` says. It is asked under the record's lock, so of two callers the later one's answer stands. False: the file
  /// could not be written, and what stood in it before still counts for a successor.
  func keep(_ current: () -> MonotonicTime?) -> Bool {
    state.withLock { state in
      let until: MonotonicTime? = current()
      guard until != state.kept else { return true }
      if state.file < 0 {
        try? Files.makeDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), mode: 0o755)
        state.file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard state.file >= 0 else { return false }
        // What stood there is cut off now.
        state.kept = nil
      }
      let line: Bytes = Bytes(Self.line(until, bootID: bootID))
      guard line.withUnsafeBytes({ pwrite(state.file, $0.baseAddress, $0.count, 0) }) == line.count else { return false }
      state.kept = until
      return true
    }
  }

  private static func line(_ until: MonotonicTime?, bootID: String) -> String {
    let digits = String(max(0, until?.nanoseconds ?? 0))
    return "\(bootID) \(String(repeating: "0", count: 20 - digits.count))\(digits)\n"
  }

  private static func read(_ path: String, bootID: String) -> MonotonicTime? {
    guard !bootID.isEmpty, let text: String = Files.read(path, limit: 256)?.text, text.hasSuffix("\n") else { return nil }
    let parts: [Substring] = text.dropLast().split(separator: " ")
    guard parts.count == 2, parts[0] == bootID, parts[1].utf8.count == 20, let nanoseconds = Int64(parts[1]), nanoseconds > 0 else {
      return nil
    }
    return MonotonicTime(nanoseconds: nanoseconds)
  }
}
