import Glibc
import HTTP
import Logging
import Primitives
import TLS
import Yams

/// The current context of a kubeconfig: a server and who we are to it, by certificate.
/// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
struct KubeconfigFile: Sendable {
  let path: String
  let host: String
  let port: Int
  let serverName: String?
  /// Where the same federation may be asked: the current context's server, then every other that the file names under the same authority.
  let servers: [EndpointURL]
  private let authority: TLSTrust
  private let identity: TLSIdentity

  /// Throws a sentence that names the file and the entry. Other ways to log in than certificates are refused by name.
  init(path: String) throws {
    self.path = path
    func fault(_ text: String) -> ValidationFault { ValidationFault("\(path): \(text)") }
    let text: String = try SecretFile.readSecret(path).text
    guard let root: Node = try Yams.compose(yaml: text), root["kind"]?.string == "Config" else {
      throw fault("this is no kubeconfig (kind: Config)")
    }
    func entry(_ list: String, _ key: String, named name: String) throws -> Node {
      for item in root[list]?.sequence ?? [] where item["name"]?.string == name {
        if let found: Node = item[key] { return found }
      }
      throw fault("\(list) has no entry \(name)")
    }
    guard let current: String = root["current-context"]?.string, !current.isEmpty else { throw fault("current-context is not set") }
    let context: Node = try entry("contexts", "context", named: current)
    let cluster: Node = try entry("clusters", "cluster", named: context["cluster"]?.string ?? "")
    let user: Node = try entry("users", "user", named: context["user"]?.string ?? "")
    guard let server: String = cluster["server"]?.string, let url = EndpointURL(server), url.isSecure else {
      throw fault("the server of context \(current) must be https://HOST:PORT")
    }
    if cluster["insecure-skip-tls-verify"]?.bool == true { throw fault("insecure-skip-tls-verify is not carried out: name the authority") }
    for way in ["token", "tokenFile", "username", "exec", "auth-provider"] where user[way] != nil {
      throw fault("\(way) of user \(context["user"]?.string ?? "") is not carried out: daemons log in with certificates")
    }
    /// `KEY-data` in base64, or `KEY` as a path relative to the kubeconfig.
    func material(_ node: Node, _ key: String) throws -> Bytes {
      if let data: String = node["\(key)-data"]?.string {
        guard let bytes: Bytes = Base64.decode(data) else { throw fault("\(key)-data is no base64") }
        return bytes
      }
      guard let file: String = node[key]?.string, !file.isEmpty else { throw fault("\(key) and \(key)-data are both missing") }
      let folder: Substring = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
      let full: String = file.hasPrefix("/") ? file : "\(folder)/\(file)"
      return key == "client-key" ? try SecretFile.readSecret(full) : try SecretFile.read(full)
    }
    (host, port) = (url.host, url.port)
    var servers: [EndpointURL] = [url]
    for item in root["clusters"]?.sequence ?? [] {
      guard let other: Node = item["cluster"],
        ["certificate-authority-data", "certificate-authority"].allSatisfy({ other[$0] == cluster[$0] }),
        let address: EndpointURL = other["server"]?.string.flatMap({ EndpointURL($0) }), address.isSecure, !servers.contains(address)
      else { continue }
      servers.append(address)
    }
    self.servers = servers
    serverName = cluster["tls-server-name"]?.string
    authority = try TLSTrust(pem: try material(cluster, "certificate-authority"))
    identity = try TLSIdentity(certificatePEM: try material(user, "client-certificate"), keyPEM: try material(user, "client-key"))
  }

  func clientTLS() throws -> TLSContext {
    try .client(
      identity: .fixed(identity), trust: .fixed(authority), applicationProtocols: HTTPServerConfiguration.applicationProtocols,
      logger: Logger(label: "tls.kubeconfig"))
  }
}

/// `http://HOST:PORT` or `https://HOST:PORT`, as etcd and kubeconfigs write where somebody is reached.
struct EndpointURL: Sendable, Hashable {
  let isSecure: Bool
  let host: String
  let port: Int

  /// Nil for anything else; a path may only be `/`. Without a port: 443 or 80.
  init?(_ text: String) {
    let scheme: String
    if text.hasPrefix("https://") { scheme = "https://" } else if text.hasPrefix("http://") { scheme = "http://" } else { return nil }
    isSecure = scheme == "https://"
    var rest: Substring = text.dropFirst(scheme.count)
    if rest.last == "/" { rest.removeLast() }
    var digits: Substring = ""
    if rest.first == "[" {
      guard let end: Substring.Index = rest.firstIndex(of: "]") else { return nil }
      host = String(rest[rest.index(after: rest.startIndex)..<end])
      let after: Substring = rest[rest.index(after: end)...]
      guard after.isEmpty || after.first == ":" else { return nil }
      digits = after.dropFirst()
    } else {
      let parts: [Substring] = rest.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2 else { return nil }
      host = String(parts[0])
      if parts.count == 2 { digits = parts[1] }
    }
    guard !host.isEmpty, !host.contains("/") else { return nil }
    if digits.isEmpty {
      port = isSecure ? 443 : 80
    } else {
      guard let number = Int(digits), (1...65_535).contains(number) else { return nil }
      port = number
    }
  }
}
