/// A server that takes etcd's flags: ours, etcd of any version, or whatever else does.
public struct StoreProgram: Sendable {
  /// How it is called in tables.
  public var name: String
  /// The program and what comes before etcd's flags.
  public var command: [String]
  /// Added to this process's environment.
  public var environment: [String: String]

  /// Takes `--site`: which member stands in which center and city.
  var knowsSites: Bool = false

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
    var program = StoreProgram(name: "tricenter", command: [path, "store"], environment: ["ETCD_LOG_LEVEL": "error"])
    program.knowsSites = true
    return program
  }

  /// The flags of one member of a static cluster, the same for every program. Members talk over mutual TLS in any case.
  func flags(member: Int, of members: [MemberPlace], directory: String, plain: Bool) -> [String] {
    let own: MemberPlace = members[member]
    func url(_ address: LoadAddress, _ scheme: String = "https") -> String { "\(scheme)://\(address.host):\(address.port)" }
    let client: String = url(own.client, plain ? "http" : "https")
    var flags: [String] = [
      "--name", own.name, "--data-dir", "\(directory)/\(own.name)", "--listen-client-urls", client,
      "--advertise-client-urls", client, "--listen-peer-urls", url(own.peer), "--initial-advertise-peer-urls", url(own.peer),
      "--initial-cluster", members.map { "\($0.name)=\(url($0.peer))" }.joined(separator: ","), "--initial-cluster-token", "bench",
      "--initial-cluster-state", "new", "--quota-backend-bytes", "\(8 << 30)", "--peer-cert-file", own.certificate, "--peer-key-file",
      own.key, "--peer-trusted-ca-file", own.authority, "--peer-client-cert-auth",
    ]
    if !plain {
      flags += ["--cert-file", own.certificate, "--key-file", own.key, "--trusted-ca-file", own.authority, "--client-cert-auth"]
    }
    if knowsSites, let site: String = own.site { flags += ["--site", site] }
    return flags
  }
}
