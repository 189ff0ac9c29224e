import Glibc
import Primitives

/// Changes and reads the lab's lines from outside the wide-area element.
public struct WideAreaClient: Sendable {
  private let directory: String
  public init(directory: LabDirectory) { self.directory = directory.path }

  public func change(from: String, to: String, _ change: LinkSetting.Change) throws {
    _ = try exchange(WideAreaControl.command(from: from, to: to, change))
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
