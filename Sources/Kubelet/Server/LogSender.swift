import Glibc
import HTTP
import NIOCore
import Primitives

/// Sends a log file, and what is added to it while it is followed.
struct LogSender {
  var path: String
  var options: ContainerLog.Options
  var kubelet: Kubelet
  var place: (namespace: String, pod: String, container: String)

  func send(to response: any ResponseWriter) async throws {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    var rest: Bytes = []
    var continued: Bool = false
    var sent: Int = 0
    let limit: Int = options.limitBytes ?? .max
    // A tail needs the end: start near it, where a thousand bytes per line are a generous guess, and otherwise from the beginning.
    if let count: Int = options.tailLines {
      let size: Int = Int(lseek(file, 0, SEEK_END))
      lseek(file, max(0, size - (count + 1) * 1_024 * 2), SEEK_SET)
      var bytes: Bytes = []
      while let chunk: Bytes = read(file) { bytes += chunk }
      let (lines, left) = Self.lines(bytes)
      rest = left
      let out: Bytes = ContainerLog.render(Array(ContainerLog.tail(lines, count)), options, continued: &continued)
      if !out.isEmpty { try await response.write(ByteBuffer(bytes: out.prefix(limit))) }
      sent = out.count
    }
    while sent < limit {
      if let chunk: Bytes = read(file) {
        let (lines, left) = Self.lines(rest + chunk)
        rest = left.count > 2 * KubeletLimits.logLineBytes ? [] : left
        let out: Bytes = ContainerLog.render(lines, options, continued: &continued)
        if !out.isEmpty { try await response.write(ByteBuffer(bytes: out.prefix(limit - sent))) }
        sent += out.count
        continue
      }
      guard options.follow, !options.previous else { return }
      let current: String? = await kubelet.logFile(namespace: place.namespace, pod: place.pod, container: place.container, previous: false)
      // Another attempt writes to another file, and a pod that is gone to none.
      guard current == path else { return }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private func read(_ file: Int32) -> Bytes? {
    let bytes: Bytes = Bytes(unsafeUninitializedCapacity: KubeletLimits.logChunkBytes) { buffer, count in
      count = max(0, Glibc.read(file, buffer.baseAddress, buffer.count))
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// Whole lines, and what follows the last line break.
  static func lines(_ bytes: Bytes) -> ([ArraySlice<UInt8>], Bytes) {
    guard let end: Int = bytes.lastIndex(of: 10) else { return ([], bytes) }
    return (bytes[..<end].split(separator: 10, omittingEmptySubsequences: true), Bytes(bytes[(end + 1)...]))
  }
}
