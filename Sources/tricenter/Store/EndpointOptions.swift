import ArgumentParser
import EtcdAPI
import Glibc
import HTTP
import Keyspace
import Logging
import NIOPosix
import Primitives
import TLS

/// Where a store is and who asks: etcdctl's flags, under its names and its `ETCDCTL_…` variables.
struct EndpointOptions: ParsableArguments {
  @Option(help: "Servers, separated by commas (ETCDCTL_ENDPOINTS).") var endpoints: String?
  @Option(help: "The authority of the servers' certificates (ETCDCTL_CACERT).") var cacert: String?
  @Option(help: "The certificate to show (ETCDCTL_CERT).") var cert: String?
  @Option(help: "Its key (ETCDCTL_KEY).") var key: String?
  @Option(help: "NAME or NAME:PASSWORD, where authentication is on (ETCDCTL_USER).") var user: String?
  @Option(help: "The user's password (ETCDCTL_PASSWORD); seen by everybody who lists processes.") var password: String?
  @Option(help: "How long one call may take, such as 5s or 1m.") var commandTimeout: String = "5s"

  private func setting(_ given: String?, _ variable: String) -> String? {
    given ?? getenv("ETCDCTL_\(variable)").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// As they were given, in order.
  func names() throws -> [String] {
    let text: String = setting(endpoints, "ENDPOINTS") ?? "http://127.0.0.1:2379"
    let names: [String] = text.split(separator: ",").map(String.init)
    guard !names.isEmpty else { throw ValidationFault("--endpoints names no server") }
    return names
  }

  /// One server, alone: what is asked of it is answered by it.
  func store(_ name: String) async throws -> EtcdStore {
    let certificate: (String, String)? = try identity()
    let authority: String? = setting(cacert, "CACERT")
    // As etcdctl has it: without a scheme, certificates say that it is https.
    let text: String = name.contains("://") ? name : "\(authority == nil && certificate == nil ? "http" : "https")://\(name)"
    guard let url = EndpointURL(text) else { throw ValidationFault("--endpoints: \(name) is no address such as https://host:2379") }
    guard let timeout: Duration = GoDuration.parse(commandTimeout), timeout > .zero else {
      throw ValidationFault("--command-timeout=\(commandTimeout) is no duration such as 5s")
    }
    var tls: TLSContext?
    if url.isSecure {
      guard let authority else { throw ValidationFault("\(text) needs --cacert FILE: servers are not believed without their authority") }
      tls = try .client(
        identity: certificate.map { .files(certificate: $0.0, key: $0.1) }, trust: .file(authority), applicationProtocols: ["h2"],
        logger: Logger(label: "tls"))
    }
    var configuration = HTTPClientConfiguration(
      targets: [.host(url.host, port: url.port)], tls: tls, version: tls == nil ? .http2 : .automatic,
      group: MultiThreadedEventLoopGroup.singleton)
    configuration.connectTimeout = timeout
    // A server that works hard on a big snapshot is not dead.
    configuration.keepAliveTimeout = .seconds(30)
    let store = EtcdStore(
      HTTPClient(configuration), secure: url.isSecure, authority: "\(url.host):\(url.port)", timeout: timeout)
    guard let (name, password): (String, String) = try credentials() else { return store }
    return try await store.authenticated(name: name, password: password)
  }

  private func identity() throws -> (String, String)? {
    let (certificate, key): (String?, String?) = (setting(cert, "CERT"), setting(key, "KEY"))
    guard (certificate == nil) == (key == nil) else { throw ValidationFault("--cert and --key belong together") }
    return certificate.map { ($0, key ?? "") }
  }

  private func credentials() throws -> (String, String)? {
    guard let user: String = setting(user, "USER") else { return nil }
    if let password: String = setting(password, "PASSWORD") { return (user, password) }
    let parts: [Substring] = user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw ValidationFault("--user=\(user) comes without a password: NAME:PASSWORD, or ETCDCTL_PASSWORD") }
    return (String(parts[0]), String(parts[1]))
  }
}

/// Go's durations, as etcd's flags have them: `90s`, `1h30m`, `1.5s`, `250ms`.
enum GoDuration {
  /// nil: none such.
  static func parse(_ text: String) -> Duration? {
    var total: Duration = .zero
    var (digits, unit): (String, String) = ("", "")
    func take() -> Bool {
      guard let count = Double(digits), count >= 0, count < 1e9,
        let nanoseconds: Double = ["h": 3.6e12, "m": 6e10, "s": 1e9, "ms": 1e6, "us": 1e3, "µs": 1e3, "ns": 1][unit]
      else { return false }
      total += .nanoseconds(Int64((count * nanoseconds).rounded()))
      return true
    }
    for character in text {
      if character.isNumber || character == "." {
        if !unit.isEmpty {
          guard take() else { return nil }
          (digits, unit) = ("", "")
        }
        digits.append(character)
      } else {
        unit.append(character)
      }
    }
    if text == "0" { return .zero }
    return take() ? total : nil
  }
}
