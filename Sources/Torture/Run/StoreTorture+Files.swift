import Glibc
import Histories
import Lab
import Primitives

extension StoreTorture {
  /// The folder of a run, with all that is in it; links are removed, not followed.
  public static func remove(_ path: String) {
    if let folder: OpaquePointer = opendir(path) {
      while let entry: UnsafeMutablePointer<dirent> = readdir(folder) {
        let name: String = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard name != ".", name != ".." else { continue }
        if entry.pointee.d_type == 4 /* DT_DIR */ { remove("\(path)/\(name)") } else { unlink("\(path)/\(name)") }
      }
      closedir(folder)
    }
    rmdir(path)
  }

  /// Judges a history that `TortureReport.write` kept.
  public static func check(_ path: String) throws -> [String] {
    guard let text: String = LabDirectory.read(path, limit: 1 << 32) else {
      throw TortureError(.ground, "\(path) cannot be read: \(String(cString: strerror(errno))).")
    }
    let history: History = try HistoryText.read(text)
    let ends: [Moment] = history.calls.map(\.end) + history.leases.flatMap { $0.renewals.map(\.end) }
    return Judge(leasePatience: 10_000_000_000).judge(history, until: ends.max() ?? 0).violations.map(\.description)
  }
}
