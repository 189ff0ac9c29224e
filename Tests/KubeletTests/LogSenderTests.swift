import Glibc
import HTTP
import HTTPTypes
import NIOCore
import Primitives
import Synchronization
import Testing

@testable import Kubelet

/// Keeps what it is sent.
private final class Collector: ResponseWriter, Sendable {
  private let bytes: Mutex<String> = Mutex("")
  var text: String { bytes.withLock { $0 } }
  func send(_ head: HTTPResponse) async throws {}
  func write(_ part: ByteBuffer) async throws { bytes.withLock { $0 += String(buffer: part) } }
  func finish(trailers: HTTPFields?) async throws {}
}

@Suite("Sending logs")
struct LogSenderTests {
  private func lines(_ numbers: ClosedRange<Int>) -> Bytes {
    Bytes(numbers.map { "2026-11-22T10:00:0\($0).0Z stdout F line \($0)\n" }.joined())
  }
  private func text(_ path: String, _ change: (inout ContainerLog.Options) -> Void) async throws -> String {
    var options = ContainerLog.Options()
    change(&options)
    let collector = Collector()
    try await LogSender(path: path, options: options, isWritten: { false }).send(to: collector)
    return collector.text
  }

  @Test("Files that were turned over belong to the log, the last lines are found across them")
  func files() async throws {
    let scratch = Scratch()
    let path: String = "\(scratch.path)/0.log"
    try Files.write(lines(1...2), to: "\(path).20261122-100003", mode: 0o600)
    try Files.write(lines(3...4), to: "\(path).20261122-100005", mode: 0o600)
    try Files.write(lines(5...6), to: path, mode: 0o600)
    try Files.write(lines(9...9), to: "\(scratch.path)/1.log", mode: 0o600)
    let all: String = (1...6).map { "line \($0)\n" }.joined()
    #expect(try await text(path) { _ in } == all)
    #expect(try await text(path) { $0.tailLines = 1 } == "line 6\n")
    #expect(try await text(path) { $0.tailLines = 3 } == "line 4\nline 5\nline 6\n")
    #expect(try await text(path) { $0.tailLines = 99 } == all)
    #expect(try await text(path) { $0.tailLines = 0 } == "")
    #expect(try await text(path) { $0.limitBytes = 10 } == "line 1\nlin")
    #expect(try await text(path) { $0.sinceTime = WallTime(rfc3339: "2026-11-22T10:00:05Z") } == "line 5\nline 6\n")
    #expect(
      try await text(path) {
        $0.tailLines = 1
        $0.timestamps = true
      } == "2026-11-22T10:00:06.0Z line 6\n")
    // Without an end, a follower of a container that has ended ends too.
    #expect(try await text(path) { $0.follow = true } == all)
    #expect(try await text("\(scratch.path)/none.log") { $0.follow = true } == "")
  }

  @Test("A follower reads on when the file is turned over under it", .timeLimit(.minutes(1)))
  func follow() async throws {
    let scratch = Scratch()
    let path: String = "\(scratch.path)/0.log"
    try Files.write(lines(1...2), to: path, mode: 0o600)
    var options = ContainerLog.Options()
    options.follow = true
    let asked = StillWritten()
    let collector = Collector()
    let sender = LogSender(path: path, options: options) { asked.written }
    let sending = Task { try await sender.send(to: collector) }
    while collector.text != "line 1\nline 2\n" { try await Task.sleep(for: .milliseconds(5)) }
    rename(path, "\(path).20261122-100003")
    try Files.write(lines(3...4), to: path, mode: 0o600)
    while !collector.text.hasSuffix("line 4\n") { try await Task.sleep(for: .milliseconds(5)) }
    asked.end()
    try await sending.value
    #expect(collector.text == (1...4).map { "line \($0)\n" }.joined())
  }
}

/// Whether the container still writes.
private final class StillWritten: Sendable {
  private let open: Atomic<Bool> = Atomic(true)
  var written: Bool { open.load(ordering: .acquiring) }
  func end() { open.store(false, ordering: .releasing) }
}
