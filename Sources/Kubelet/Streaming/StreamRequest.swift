import HTTP
import Primitives

/// Which of a process's streams a client wants.
public struct StreamOptions: Hashable, Sendable {
  public var standardInput: Bool
  public var standardOutput: Bool
  public var standardError: Bool
  public var terminal: Bool

  public init(standardInput: Bool, standardOutput: Bool, standardError: Bool, terminal: Bool) {
    self.standardInput = standardInput
    self.standardOutput = standardOutput
    // A terminal has one output (CRI: "tty and stderr cannot both be true").
    self.standardError = standardError && !terminal
    self.terminal = terminal
  }

  var isEmpty: Bool { !standardInput && !standardOutput && !standardError }
}

/// Where the runtime's streaming server awaits a connection: it has prepared what was asked for, and forgets it after a minute.
public struct StreamingPlace: Hashable, Sendable {
  public var host: String
  public var port: Int
  public var path: String

  /// Nil for anything but `http://HOST:PORT/PATH`.
  init?(url: String) {
    guard url.hasPrefix("http://") else { return nil }
    let rest: Substring = url.dropFirst(7)
    guard let slash: Substring.Index = rest.firstIndex(of: "/"), let colon: Substring.Index = rest[..<slash].lastIndex(of: ":"),
      let port = Int(rest[rest.index(after: colon)..<slash]), (1...65_535).contains(port)
    else { return nil }
    var host: Substring = rest[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    // A server that listens everywhere is asked here.
    self.host = host == "0.0.0.0" || host.isEmpty ? "127.0.0.1" : host == "::" ? "::1" : String(host)
    self.port = port
    path = String(rest[slash...])
  }

  var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
