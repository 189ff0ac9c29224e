/// A server that takes etcd's flags: ours, etcd of any version, or whatever else does.
public struct StoreProgram: Sendable {
  /// How it is called in tables.
  public var name: String
  /// The program and what comes before etcd's flags.
  public var command: [String]
  /// Added to this process's environment.
  public var environment: [String: String]

  public init(name: String, command: [String], environment: [String: String] = [:]) {
    self.name = name
    self.command = command
    self.environment = environment
  }

  /// etcd says every request slower than 100 ms in its log: on a loaded machine that would be measured, too.
  public static func etcd(_ path: String, name: String = "etcd") -> StoreProgram {
    StoreProgram(name: name, command: [path], environment: ["ETCD_LOGGER": "zap", "ETCD_LOG_LEVEL": "error"])
  }

  public static func tricenter(_ path: String) -> StoreProgram {
    StoreProgram(name: "tricenter", command: [path, "store"], environment: ["ETCD_LOG_LEVEL": "error"])
  }

  /// The flags of one member of a static cluster on loopback, the same for every program.
  static func flags(member: Int, of members: [MemberPorts], directory: String, tls: BenchmarkPKI?) -> [String] {
    let scheme: String = tls == nil ? "http" : "https"
    let own: MemberPorts = members[member]
    let cluster: String = members.enumerated().map { "member\($0.offset + 1)=\(scheme)://127.0.0.1:\($0.element.peer)" }.joined(
      separator: ",")
    var flags: [String] = [
      "--name", "member\(member + 1)", "--data-dir", "\(directory)/member\(member + 1)",
      "--listen-client-urls", "\(scheme)://127.0.0.1:\(own.client)", "--advertise-client-urls", "\(scheme)://127.0.0.1:\(own.client)",
      "--listen-peer-urls", "\(scheme)://127.0.0.1:\(own.peer)", "--initial-advertise-peer-urls", "\(scheme)://127.0.0.1:\(own.peer)",
      "--initial-cluster", cluster, "--initial-cluster-token", "bench", "--initial-cluster-state", "new",
      "--quota-backend-bytes", "\(8 << 30)",
    ]
    if let tls {
      flags += [
        "--cert-file", tls.serverCertificate, "--key-file", tls.serverKey, "--trusted-ca-file", tls.authority, "--client-cert-auth",
        "--peer-cert-file", tls.peerCertificate(member), "--peer-key-file", tls.peerKey(member), "--peer-trusted-ca-file", tls.authority,
        "--peer-client-cert-auth",
      ]
    }
    return flags
  }
}

struct MemberPorts: Sendable {
  var client: Int
  var peer: Int
}
