import Primitives

/// What a sandbox is made from; the words of CRI's `PodSandboxConfig`.
public struct SandboxConfiguration: Hashable, Sendable {
  public var name: String
  public var uid: String
  public var namespace: String
  public var attempt: UInt32
  public var hostname: String
  public var logDirectory: String
  public var dns: DNSSettings
  public var labels: [String: String]
  public var annotations: [String: String]
  public var cgroupParent: String
  public var hostNetwork: Bool = false
  public var hostPID: Bool = false
  public var hostIPC: Bool = false
  public var sharesProcesses: Bool = false
  public var privileged: Bool = false
  public var runAsUser: Int64?
  public var runAsGroup: Int64?
  public var supplementalGroups: [Int64] = []
  /// Mapped by the CNI plugin `portmap`.
  public var hostPorts: [HostPort] = []
  public var sysctls: [String: String] = [:]

  public init(
    name: String, uid: String, namespace: String, attempt: UInt32, hostname: String = "", logDirectory: String = "",
    dns: DNSSettings = DNSSettings(), labels: [String: String] = [:], annotations: [String: String] = [:], cgroupParent: String = ""
  ) {
    self.name = name
    self.uid = uid
    self.namespace = namespace
    self.attempt = attempt
    self.hostname = hostname
    self.logDirectory = logDirectory
    self.dns = dns
    self.labels = labels
    self.annotations = annotations
    self.cgroupParent = cgroupParent
  }
}

/// Lines of a resolv.conf.
public struct DNSSettings: Hashable, Sendable {
  public var servers: [String]
  public var searches: [String]
  public var options: [String]
  public init(servers: [String] = [], searches: [String] = [], options: [String] = []) {
    self.servers = servers
    self.searches = searches
    self.options = options
  }

  /// The host's own, as it stands now. Source: resolv.conf(5).
  static var ofHost: DNSSettings {
    var settings = DNSSettings()
    for line in (Files.read("/etc/resolv.conf", limit: 65_536)?.text ?? "").split(separator: "\n") {
      let words: [String] = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
      switch words.first {
      case "nameserver": settings.servers += words.dropFirst().prefix(1)
      // The last one holds.
      case "search", "domain": settings.searches = Array(words.dropFirst())
      case "options": settings.options += words.dropFirst()
      default: break
      }
    }
    return settings
  }
}
