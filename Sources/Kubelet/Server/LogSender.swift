import Glibc
import HTTP
import NIOCore
import Primitives

/// Sends what a container has said, files that were turned over included, and what is added while it is followed. Holds one chunk at a
/// time; `response.write` suspends while the client does not read.
///
///     0.log.20261122-221500 ─▶ 0.log.20261122-223000 ─▶ 0.log ─▶ (follow: the same name again, once it is another file)
struct LogSender {
  var path: String
  var options: ContainerLog.Options
  /// The container still runs and writes to `path`.
  var isWritten: @Sendable () async -> Bool

  func send(to response: any ResponseWriter) async throws {
    var (files, skip): ([String], Int) = begin()
    var sent: Int = 0
    var continued: Bool = false
    let limit: Int = options.limitBytes ?? .max
    while !files.isEmpty, sent < limit {
      let name: String = files.removeFirst()
      guard let file = LogFile(name) else { continue }
      while sent < limit {
        if let lines: [ArraySlice<UInt8>] = file.lines() {
          let out: Bytes = ContainerLog.render(Self.dropping(&skip, lines), options, continued: &continued)
          if !out.isEmpty { try await response.write(ByteBuffer(bytes: out.prefix(limit - sent))) }
          sent += out.count
          continue
        }
        guard files.isEmpty, options.follow, !options.previous else { break }
        // Asked before the file is looked at again: what was written before the end is then seen.
        let more: Bool = await isWritten()
        if LogFile.inode(at: path) != file.inode {
          // Turned over while we read it. Its last lines may have come in between.
          if let last: [ArraySlice<UInt8>] = file.lines() {
            let out: Bytes = ContainerLog.render(last, options, continued: &continued)
            try await response.write(ByteBuffer(bytes: out.prefix(limit - sent)))
            sent += out.count
          }
          if Files.exists(path) { files = [path] } else if !more { return }
          if files.isEmpty { try await Task.sleep(for: KubeletLimits.followEvery) } else { break }
          continue
        }
        if let late: [ArraySlice<UInt8>] = file.lines() {
          let out: Bytes = ContainerLog.render(late, options, continued: &continued)
          if !out.isEmpty { try await response.write(ByteBuffer(bytes: out.prefix(limit - sent))) }
          sent += out.count
          continue
        }
        guard more else { return }
        try await Task.sleep(for: KubeletLimits.followEvery)
      }
    }
  }

  /// The files to read, the oldest first, and how many lines of the first to pass over.
  private func begin() -> ([String], Int) {
    guard let slash: String.Index = path.lastIndex(of: "/") else { return ([path], 0) }
    let folder = String(path[..<slash])
    let name = String(path[path.index(after: slash)...])
    let all: [String] = LogRotation.rotated(of: name, among: Files.names(in: folder)).map { "\(folder)/\($0)" } + [path]
    guard let wanted: Int = options.tailLines else { return (all, 0) }
    var chosen: [String] = []
    var count: Int = 0
    for file in all.reversed() {
      chosen.insert(file, at: 0)
      count += LogFile.count(file)
      if count >= wanted { break }
    }
    return (chosen, max(0, count - wanted))
  }

  /// Without the next `skip` whole lines.
  private static func dropping(_ skip: inout Int, _ lines: [ArraySlice<UInt8>]) -> [ArraySlice<UInt8>] {
    guard skip > 0 else { return lines }
    var index: Int = 0
    while index < lines.count, skip > 0 {
      if ContainerLog.endsLine(lines[index]) { skip -= 1 }
      index += 1
    }
    return Array(lines[index...])
  }
}
