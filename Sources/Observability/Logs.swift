import Glibc
import Logging
import Primitives

/// One line per event on standard error: time, level, logger, message, then fields in order of their names.
/// `2026-11-22T08:00:00.123456Z info store.raft leader elected center=local-dr term=7`
public struct LineLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var logLevel: Logger.Level
  private let label: String

  public init(label: String, level: Logger.Level) {
    self.label = label
    self.logLevel = level
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var line: String = "\(SystemClock().wall().rfc3339Micro) \(event.level) \(label) \(event.message)"
    let fields: Logger.Metadata = metadata.merging(event.metadata ?? [:]) { $1 }
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
      let text: String = "\(value)"
      let plain: Bool = !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != 34 && $0 != 127 }
      line += " \(key)=\(plain ? text : text.debugDescription)"
    }
    line += "\n"
    // One write call per line: lines of several threads do not mix.
    _ = line.withUTF8 { Glibc.write(2, $0.baseAddress, $0.count) }
  }
}

public enum Logs {
  /// Call once in `main`.
  public static func bootstrap(level: Logger.Level) {
    LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level) }
  }
}
