import ArgumentParser
import Glibc
import Primitives
import TLS

/// How runs and their runners are called.
enum RunNames {
  /// `production-loss-20261129-231045-k3f9`: two of one second are apart.
  static func name(_ runbook: String) -> String {
    let digits: String = SystemClock().wall().rfc3339.filter(\.isNumber)
    let lot: String = String(SecureRandom.bytes(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) } % 1_679_616, radix: 36)
    return "\(runbook.prefix(40))-\(digits.prefix(8))-\(digits.dropFirst(8).prefix(6))-\(lot)"
  }

  /// Host and process, with a lot: a process number comes again.
  static func holder() -> String {
    var bytes = [CChar](repeating: 0, count: 256)
    gethostname(&bytes, bytes.count - 1)
    let host = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return "\(host)/\(getpid())/\(Hexadecimal.encode(SecureRandom.bytes(3)))"
  }

  /// `NAME=VALUE` words.
  static func values(_ words: [String]) throws -> [String: String] {
    var values: [String: String] = [:]
    for word in words {
      let parts: [Substring] = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("--set \(word) is not NAME=VALUE") }
      values[String(parts[0])] = String(parts[1])
    }
    return values
  }
}
