import Glibc
import Primitives
import Synchronization

/// Until when exclusive pods may run: in general, and of namespaces that have a fence of their own. Nil: they may not.
struct FenceDeadlines: Hashable, Sendable {
  var general: MonotonicTime?
  var namespaces: [String: MonotonicTime?] = [:]
}

/// The deadlines until which exclusive pods may run, in files that outlive this process: the next kubelet of the same boot goes by them
/// instead of granting a time of its own. Without a file, or with one of another boot, nothing may run.
///
/// One line of fixed length `BOOT-ID NANOSECONDS` by CLOCK_BOOTTIME, written over in place: a kill cannot tear so short a write, and a host
/// that loses its power comes back with another boot id, so nothing is synced and nothing renamed. About 4 writes a second. Namespaces that
/// have a fence of their own stand in a second file, a line `BOOT-ID NANOSECONDS NAMESPACE` each, which is replaced as a whole.
final class FenceRecord: Sendable {
  private struct State {
    var file: Int32 = -1
    var kept: FenceDeadlines
  }
  let path: String
  private let bootID: String
  private let state: Mutex<State>
  private var namespacesPath: String { "\(path)-namespaces" }

  init(path: String, bootID: String) {
    self.path = path
    self.bootID = bootID
    state = Mutex(State(kept: Self.read(path, bootID: bootID)))
  }
  deinit {
    let file: Int32 = state.withLock { $0.file }
    if file >= 0 { close(file) }
  }

  /// What a kubelet that started now would read.
  var kept: FenceDeadlines { state.withLock { $0.kept } }
  /// Nil: nothing may run.
  var until: MonotonicTime? { kept.general }

  /// Keeps what `current` says. It is asked under the record's lock, so of two callers the later one's answer stands. False: a file
  /// could not be written, and what stood in it before still counts for a successor.
  func keep(_ current: () -> FenceDeadlines) -> Bool {
    state.withLock { state in
      var wanted: FenceDeadlines = current()
      guard wanted != state.kept else { return true }
      var isWhole: Bool = true
      // First what keeps a successor from running what the general deadline would let it run.
      if wanted.namespaces != state.kept.namespaces {
        if writeNamespaces(wanted.namespaces) {
          state.kept.namespaces = wanted.namespaces
        } else {
          (isWhole, wanted.general) = (false, nil)
        }
      }
      guard wanted.general != state.kept.general else { return isWhole }
      if state.file < 0 {
        try? Files.makeDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), mode: 0o755)
        state.file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard state.file >= 0 else { return false }
        // What stood there is cut off now.
        state.kept.general = nil
      }
      let line: Bytes = Bytes(Self.line(wanted.general, bootID: bootID))
      guard line.withUnsafeBytes({ pwrite(state.file, $0.baseAddress, $0.count, 0) }) == line.count else { return false }
      state.kept.general = wanted.general
      return isWhole
    }
  }

  private func writeNamespaces(_ namespaces: [String: MonotonicTime?]) -> Bool {
    guard !namespaces.isEmpty else { return unlink(namespacesPath) == 0 || errno == ENOENT }
    let lines: [String] = namespaces.sorted { $0.key < $1.key }.map { namespace, until in
      "\(Self.line(until, bootID: bootID).dropLast()) \(namespace)\n"
    }
    do {
      try Files.makeDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), mode: 0o755)
      try Files.write(Bytes(lines.joined()), to: namespacesPath, mode: 0o600)
      return true
    } catch { return false }
  }

  private static func line(_ until: MonotonicTime?, bootID: String) -> String {
    let digits = String(max(0, until?.nanoseconds ?? 0))
    return "\(bootID) \(String(repeating: "0", count: 20 - digits.count))\(digits)\n"
  }

  private static func read(_ path: String, bootID: String) -> FenceDeadlines {
    var kept = FenceDeadlines()
    guard !bootID.isEmpty else { return kept }
    if let text: String = Files.read("\(path)-namespaces", limit: 1 << 16)?.text {
      for line in text.split(separator: "\n") {
        guard let space: String.Index = line.lastIndex(of: " "), let until = deadline(line[..<space], bootID: bootID) else { continue }
        kept.namespaces[String(line[line.index(after: space)...])] = .some(until)
      }
    }
    guard let text: String = Files.read(path, limit: 256)?.text, text.hasSuffix("\n") else { return kept }
    kept.general = deadline(text.dropLast(), bootID: bootID) ?? nil
    return kept
  }

  /// Nil: no such line; `.some(nil)`: nothing may run.
  private static func deadline(_ line: Substring, bootID: String) -> MonotonicTime?? {
    let parts: [Substring] = line.split(separator: " ")
    guard parts.count == 2, parts[0] == bootID, parts[1].utf8.count == 20, let nanoseconds = Int64(parts[1]), nanoseconds >= 0 else {
      return nil
    }
    return .some(nanoseconds > 0 ? MonotonicTime(nanoseconds: nanoseconds) : nil)
  }
}
