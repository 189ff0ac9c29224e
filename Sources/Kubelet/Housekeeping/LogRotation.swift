import Primitives

/// What is to be done about one container's log files. Pure.
///
///     0.log ──▶ 0.log.20261122-221500      the runtime is told to open 0.log anew
///
/// The names are the upstream kubelet's; unlike it, old files are not compressed.
struct LogRotation {
  var limits: Limits
  struct Limits: Hashable, Sendable {
    /// A file as large as this is turned over.
    var bytes: Int64
    /// Files per container, the one being written included.
    var files: Int
  }

  enum Step: Hashable, Sendable {
    case remove(String)
    case rename(to: String)
  }

  /// `name`: the file being written; `present`: names of the files beside it.
  func steps(name: String, size: Int64, present: [String], now: WallTime) -> [Step] {
    let old: [String] = Self.rotated(of: name, among: present)
    guard size >= limits.bytes else { return [] }
    // Room for the one that is turned over now and for the new one.
    let surplus: Int = max(0, old.count - max(0, limits.files - 2))
    var steps: [Step] = old.prefix(surplus).map { .remove($0) }
    let fresh: String = "\(name).\(Self.stamp(now))"
    // Twice within a second: the next look will do.
    guard !old.contains(fresh) else { return [] }
    steps.append(.rename(to: fresh))
    return steps
  }

  /// Earlier files of `name`, the oldest first.
  static func rotated(of name: String, among present: [String]) -> [String] {
    present.filter { $0.hasPrefix(name + ".") && $0.utf8.count == name.utf8.count + 16 }.sorted()
  }

  /// `20261122-221500`, in UTC: names sort by time.
  static func stamp(_ time: WallTime) -> String {
    String(time.rfc3339.prefix(19).filter { $0 != "-" && $0 != ":" }.map { $0 == "T" ? "-" : $0 })
  }
}
