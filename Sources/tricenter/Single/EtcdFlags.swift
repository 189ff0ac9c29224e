import Primitives

/// etcd's command line, read as etcd reads it: `--name value`, `--name=value`, one dash or two, switches with or without a value; what the
/// command line leaves out comes from `ETCD_NAME`. https://etcd.io/docs/v3.6/op-guide/configuration/
struct EtcdFlags {
  /// What this version carries out, with etcd's default.
  static let known: [String: String] = [
    "name": "default", "data-dir": "", "listen-client-urls": "http://localhost:2379", "advertise-client-urls": "http://localhost:2379",
    "listen-peer-urls": "http://localhost:2380", "initial-advertise-peer-urls": "http://localhost:2380", "initial-cluster": "",
    "initial-cluster-state": "new", "initial-cluster-token": "etcd-cluster", "cert-file": "", "key-file": "", "trusted-ca-file": "",
    "client-cert-auth": "false", "peer-cert-file": "", "peer-key-file": "", "peer-trusted-ca-file": "", "peer-client-cert-auth": "false",
    "heartbeat-interval": "100", "election-timeout": "1000", "snapshot-count": "10000", "auto-compaction-mode": "periodic",
    "auto-compaction-retention": "0", "listen-metrics-urls": "", "log-level": "info", "quota-backend-bytes": "0",
    "max-request-bytes": "1572864", "max-txn-ops": "128", "watch-progress-notify-interval": "10m", "auth-token-ttl": "300",
  ]
  static let switches: Set<String> = [
    "client-cert-auth", "peer-client-cert-auth", "strict-reconfig-check", "pre-vote", "enable-v2", "enable-pprof", "auto-tls",
    "peer-auto-tls",
    "force-new-cluster", "enable-grpc-gateway",
  ]
  /// Flags of etcd that may be given as long as they ask for what happens anyway.
  static let fixed: [String: Set<String>] = [
    "strict-reconfig-check": ["true"],
    "pre-vote": ["true"], "enable-v2": ["false"], "enable-pprof": ["false"], "auto-tls": ["false"], "peer-auto-tls": ["false"],
    "force-new-cluster": ["false"], "enable-grpc-gateway": ["true"], "logger": ["zap"], "log-outputs": ["default", "stderr"],
    "auth-token": ["simple"], "proxy": ["off"], "metrics": ["basic"],
  ]
  /// Ours beside etcd's: the site file says in which center each member is.
  static let ours: [String: String] = ["site": ""]

  private var given: [String: String] = [:]

  /// Throws every problem in one sentence each; a flag that is not carried out is named.
  init(_ arguments: [String], environment: [String: String]) throws {
    var problems: [String] = []
    for (name, _) in Self.known.merging(Self.fixed.mapValues { _ in "" }, uniquingKeysWith: { one, _ in one }) {
      let variable: String = "ETCD_" + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
      if let value: String = environment[variable], !value.isEmpty { given[name] = value }
    }
    let understood: Set<String> = Set(given.keys.map { "ETCD_" + $0.uppercased().map { $0 == "-" ? "_" : String($0) }.joined() })
    for (variable, value) in environment.sorted(by: { $0.key < $1.key })
    where variable.hasPrefix("ETCD_") && !value.isEmpty && !understood.contains(variable) && variable != "ETCD_UNSUPPORTED_ARCH" {
      problems.append("\(variable) is not carried out by this version")
    }
    var rest: ArraySlice<String> = arguments[...]
    while let argument: String = rest.popFirst() {
      guard argument.hasPrefix("-"), argument.count > 1 else {
        problems.append("\(argument) is no flag")
        continue
      }
      let text: Substring = argument.drop { $0 == "-" }
      let parts: [Substring] = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard Self.known[name] != nil || Self.fixed[name] != nil || Self.ours[name] != nil else {
        problems.append("--\(name) is not carried out by this version")
        if parts.count == 1, let next: String = rest.first, !next.hasPrefix("-") { rest.removeFirst() }
        continue
      }
      if parts.count == 2 {
        given[name] = String(parts[1])
      } else if Self.switches.contains(name) {
        given[name] = "true"
      } else if let next: String = rest.popFirst() {
        given[name] = next
      } else {
        problems.append("--\(name) needs a value")
      }
    }
    for (name, allowed) in Self.fixed.sorted(by: { $0.key < $1.key }) {
      guard let value: String = given[name], !allowed.contains(value) else { continue }
      problems.append("--\(name)=\(value) is not carried out by this version; it may only be \(allowed.sorted().joined(separator: " or "))")
    }
    guard problems.isEmpty else { throw ValidationFault(problems.joined(separator: "\n")) }
  }

  func isGiven(_ name: String) -> Bool { given[name] != nil }

  subscript(_ name: String) -> String {
    guard let standard: String = Self.known[name] ?? Self.ours[name] else { preconditionFailure("\(name) is no flag") }
    return given[name] ?? standard
  }

  func isOn(_ name: String) throws -> Bool {
    switch self[name] {
    case "true", "1", "t", "T", "TRUE", "True": true
    case "false", "0", "f", "F", "FALSE", "False": false
    default: throw ValidationFault("--\(name)=\(self[name]) is neither true nor false")
    }
  }

  func number(_ name: String, _ range: ClosedRange<Int>) throws -> Int {
    guard let value = Int(self[name]), range.contains(value) else {
      throw ValidationFault("--\(name)=\(self[name]) must be a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func urls(_ name: String) throws -> [EndpointURL] {
    try self[name].split(separator: ",").map { text in
      guard let url = EndpointURL(String(text)) else { throw ValidationFault("--\(name): \(text) is no http:// or https:// URL") }
      return url
    }
  }

  /// `5m`, `1h30m`, or whole hours: how long history is kept; nil for 0.
  func retention() throws -> Duration? {
    let text: String = self["auto-compaction-retention"]
    guard self["auto-compaction-mode"] == "periodic" else {
      if text == "0" { return nil }
      throw ValidationFault("--auto-compaction-mode=\(self["auto-compaction-mode"]) is not carried out by this version; periodic is")
    }
    if let hours = Int64(text) { return hours == 0 ? nil : .seconds(hours * 3_600) }
    return try duration("auto-compaction-retention", hint: "5m, 1h30m or 24 (hours)")
  }

  /// Go's durations in whole hours, minutes and seconds.
  func duration(_ name: String, hint: String = "30s, 5m or 1h30m") throws -> Duration {
    let text: String = self[name]
    let fault = ValidationFault("--\(name)=\(text) is no duration such as \(hint)")
    var seconds: Int64 = 0
    var digits: String = ""
    for character in text {
      if character.isNumber {
        digits.append(character)
        continue
      }
      guard let unit: Int64 = ["h": 3_600, "m": 60, "s": 1][character], let count = Int64(digits), count < 1_000_000 else { throw fault }
      seconds += count * unit
      digits = ""
    }
    guard digits.isEmpty, seconds > 0 else { throw fault }
    return .seconds(seconds)
  }
}
