import Glibc
import Primitives

/// Changes and reads the lab's lines from outside the wide-area element.
public struct WideAreaClient: Sendable {
  private let directory: String
  public init(directory: LabDirectory) { self.directory = directory.path }

  public func change(from: String, to: String, _ change: LinkSetting.Change) throws {
    _ = try exchange(WideAreaControl.command(from: from, to: to, change))
  }

  /// Lays a fault on one direction, or renews it. `delay` is what it adds.
  func inject(
    _ id: String, from: String, to: String, _ change: LinkSetting.Change, port: UInt16? = nil, every: Duration? = nil, lease: Duration
  ) throws {
    _ = try exchange(WideAreaControl.command(id, from: from, to: to, change, port: port, every: every, lease: lease))
  }

  func mend(_ id: String) throws { _ = try exchange("mend \(id)") }

  /// Ids of the faults in force on any line, each with the longest time that it has left.
  func faults() throws -> [String: Duration] {
    var found: [String: Duration] = [:]
    for line in try exchange("show").split(separator: "\n") {
      let words: [Substring] = line.split(separator: " ")
      guard words.count == 5, words[0] == "fault", let left = Int64(words[4].dropFirst(5)) else { continue }
      found[String(words[1])] = max(found[String(words[1])] ?? .zero, .microseconds(left))
    }
    return found
  }

  public func lines() throws -> [LineReport] {
    try exchange("show").split(separator: "\n").compactMap { LineReport($0) }
  }

  private func exchange(_ line: String) throws -> String {
    let descriptor: Int32 = try UnixSocket.connect(directory: directory, name: LabDirectory.wideAreaSocket)
    defer { close(descriptor) }
    let request: Bytes = Bytes(line + "\n")
    _ = request.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    var answer: Bytes = []
    var buffer = Bytes(repeating: 0, count: 65_536)
    while true {
      let count: Int = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      answer += buffer[..<count]
    }
    let text: String = answer.text
    if let failure = text.split(separator: "\n").last(where: { $0.hasPrefix("error ") }) {
      throw LabError(.badInput, "The wide-area element refused: \(failure.dropFirst(6)).")
    }
    guard text.hasSuffix("ok\n") else { throw LabError(.failed, "The wide-area element broke off its answer.") }
    return text
  }
}
