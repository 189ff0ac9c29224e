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

  /// The flags of one member of a static cluster on loopback, the same for every program. Members talk over mutual TLS in any case.
  static func flags(member: Int, of members: [MemberPorts], directory: String, pki: BenchmarkPKI, plain: Bool) -> [String] {
    let own: MemberPorts = members[member]
    let client: String = "\(plain ? "http" : "https")://127.0.0.1:\(own.client)"
    let peer: String = "https://127.0.0.1:\(own.peer)"
    let cluster: [String] = members.enumerated().map { "member\($0.offset + 1)=https://127.0.0.1:\($0.element.peer)" }
    var flags: [String] = [
      "--name", "member\(member + 1)", "--data-dir", "\(directory)/member\(member + 1)", "--listen-client-urls", client,
      "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
      "--initial-cluster", cluster.joined(separator: ","), "--initial-cluster-token", "bench", "--initial-cluster-state", "new",
      "--quota-backend-bytes", "\(8 << 30)", "--peer-cert-file", pki.certificate(member), "--peer-key-file", pki.key(member),
      "--peer-trusted-ca-file", pki.authority, "--peer-client-cert-auth",
    ]
    if !plain {
      flags += [
        "--cert-file", pki.certificate(member), "--key-file", pki.key(member), "--trusted-ca-file", pki.authority, "--client-cert-auth",
      ]
    }
    return flags
  }
}

struct MemberPorts: Sendable {
  var client: Int
  var peer: Int
}
