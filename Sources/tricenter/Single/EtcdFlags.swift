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
    "auth-token": "simple", "max-learners": "1", "snapshot-catchup-entries": "5000", "config-file": "",
    "auto-tls": "false", "peer-auto-tls": "false", "self-signed-cert-validity": "1",
  ]
  /// Older names of these.
  static let aliases: [String: String] = [
    "experimental-watch-progress-notify-interval": "watch-progress-notify-interval", "experimental-max-learners": "max-learners",
    "experimental-snapshot-catchup-entries": "snapshot-catchup-entries",
  ]
  /// Ours beside etcd's: the site file says in which center each member is, the others how members treat what crosses between centers.
  static let ours: [String: String] = [
    "site": "", "relay": "centers", "link-compression": "far", "snapshot-rate-same-center": "0", "snapshot-rate-same-city": "200MiB",
    "snapshot-rate-far": "50MiB",
  ]

  private var given: [String: String] = [:]
  /// Sentences about flags that were taken and change nothing.
  private(set) var remarks: [String] = []

  /// Throws every problem in one sentence each; a flag that is not carried out is named.
  init(_ arguments: [String], environment: [String: String]) throws {
    var problems: [String] = []
    var (flags, variables): ([String: String], [String: String]) = ([:], [:])
    for (variable, value) in environment.sorted(by: { $0.key < $1.key })
    where variable.hasPrefix("ETCD_") && !value.isEmpty && variable != "ETCD_UNSUPPORTED_ARCH" {
      let name: String = variable.dropFirst(5).lowercased().replacing("_", with: "-")
      // etcd says "unrecognized environment variable" and goes on; services in a Kubernetes namespace get such by themselves.
      guard Self.isFlag(name) else {
        remarks.append("\(variable) is no flag of etcd's: passed over")
        continue
      }
      variables[name] = value
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
      guard Self.isFlag(name) else {
        problems.append("--\(name) is no flag of etcd's or of this store")
        if parts.count == 1, let next: String = rest.first, !next.hasPrefix("-") { rest.removeFirst() }
        continue
      }
      if parts.count == 2 {
        flags[name] = String(parts[1])
      } else if Self.switches.contains(name) {
        flags[name] = "true"
      } else if let next: String = rest.popFirst() {
        flags[name] = next
      } else {
        problems.append("--\(name) needs a value")
      }
    }
    // As etcd has it: a configuration file makes flags and variables be passed over.
    if let file: String = flags["config-file"] ?? variables["config-file"], !file.isEmpty {
      (flags, variables) = (try EtcdConfigurationFile.read(file), [:])
      if !arguments.isEmpty { remarks.append("--config-file=\(file) is read, other flags and variables are passed over, as etcd does") }
    }
    for (name, value) in variables.merging(flags, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
      do { try take(name, value) } catch { problems.append("\(error)") }
    }
    guard problems.isEmpty else { throw ValidationFault(problems.joined(separator: "\n")) }
  }

  private mutating func take(_ name: String, _ value: String) throws {
    let name: String = Self.aliases[name] ?? name
    if Self.known[name] != nil || Self.ours[name] != nil {
      given[name] = value
    } else if let reason: String = Self.tolerated[name] {
      remarks.append("--\(name)=\(value) changes nothing here: \(reason)")
    } else if let allowed: Set<String> = Self.fixed[name] {
      guard !allowed.contains(value) else { return }
      throw ValidationFault(
        "--\(name)=\(value) is not carried out by this version; it may only be \(allowed.sorted().joined(separator: " or "))")
    } else if let reason: String = Self.refused[name] {
      throw ValidationFault("--\(name) is not carried out by this version: \(reason)")
    } else {
      throw ValidationFault("\(name) is no flag of etcd's or of this store")
    }
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

  /// How long history is kept (`5m`, `1h30m`, or whole hours), or how many revisions of it; nil for 0.
  enum Retention: Hashable {
    case time(Duration)
    case revisions(Int64)
  }

  func retention() throws -> Retention? {
    let text: String = self["auto-compaction-retention"]
    switch self["auto-compaction-mode"] {
    case "periodic":
      if let hours = Int64(text), (0...87_600).contains(hours) { return hours == 0 ? nil : .time(.seconds(hours * 3_600)) }
      return .time(try duration("auto-compaction-retention", hint: "5m, 1h30m or 24 (hours)"))
    case "revision":
      guard let count = Int64(text), count >= 0 else {
        throw ValidationFault("--auto-compaction-retention=\(text) is no number of revisions, which --auto-compaction-mode=revision needs")
      }
      return count == 0 ? nil : .revisions(count)
    default: throw ValidationFault("--auto-compaction-mode=\(self["auto-compaction-mode"]) is neither periodic nor revision")
    }
  }

  /// At least a second.
  func duration(_ name: String, hint: String = "30s, 5m or 1h30m") throws -> Duration {
    guard let duration: Duration = GoDuration.parse(self[name]), duration >= .seconds(1) else {
      throw ValidationFault("--\(name)=\(self[name]) is no duration such as \(hint), or less than a second")
    }
    return duration
  }
}
