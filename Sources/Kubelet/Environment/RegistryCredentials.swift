import KubeModel
import Primitives

/// What a registry wants to know before it gives an image (CRI: AuthConfig). Never described: it is a secret.
public struct RegistryCredentials: Hashable, Sendable {
  public var user: String
  public var password: String
  public var identityToken: String

  public init(user: String, password: String, identityToken: String = "") {
    self.user = user
    self.password = password
    self.identityToken = identityToken
  }

  /// Those of a Secret of type `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg` that are for `image`, the most specific
  /// first. https://kubernetes.io/docs/concepts/containers/images/#config-json
  static func matching(_ image: String, in secret: KubeObject) -> [RegistryCredentials] {
    let data: [String: String] = secret["data"].stringMap
    let entries: JSONValue
    if let text: String = data[".dockerconfigjson"], let bytes: Bytes = Base64.decode(text) {
      entries = ((try? JSONValue.parse(bytes.text)) ?? .null)["auths"]
    } else if let text: String = data[".dockercfg"], let bytes: Bytes = Base64.decode(text) {
      entries = (try? JSONValue.parse(bytes.text)) ?? .null
    } else {
      return []
    }
    let place: String = registry(of: image)
    return (entries.object?.members ?? []).compactMap { member -> (length: Int, found: RegistryCredentials)? in
      let pattern: String = normal(member.key)
      guard matches(place, pattern), let found: RegistryCredentials = read(member.value) else { return nil }
      return (pattern.utf8.count, found)
    }
    .sorted { $0.length > $1.length }.map(\.found)
  }

  private static func read(_ entry: JSONValue) -> RegistryCredentials? {
    var found = RegistryCredentials(
      user: entry["username"].string ?? "", password: entry["password"].string ?? "", identityToken: entry["identitytoken"].string ?? "")
    if let both: String = entry["auth"].string, let bytes: Bytes = Base64.decode(both), let colon: Int = bytes.firstIndex(of: 58) {
      found.user = Bytes(bytes[..<colon]).text
      found.password = Bytes(bytes[(colon + 1)...].filter { $0 != 0 }).text
    }
    return found.user.isEmpty && found.identityToken.isEmpty ? nil : found
  }

  /// Host, port and path of an image without tag and digest: `docker.io/library/nginx`.
  static func registry(of image: String) -> String {
    var name: Substring = image[...]
    if let at: String.Index = name.firstIndex(of: "@") { name = name[..<at] }
    if let colon: String.Index = name.lastIndex(of: ":"), !name[colon...].contains("/") { name = name[..<colon] }
    let parts: [Substring] = name.split(separator: "/", maxSplits: 1)
    guard parts.count == 2, parts[0].contains(".") || parts[0].contains(":") || parts[0] == "localhost" else {
      return parts.count == 2 ? "docker.io/\(name)" : "docker.io/library/\(name)"
    }
    return String(name)
  }

  /// `https://index.docker.io/v1/` is what Docker itself writes for its own registry.
  private static func normal(_ key: String) -> String {
    var text: Substring = key[...]
    for scheme in ["https://", "http://"] where text.hasPrefix(scheme) { text = text.dropFirst(scheme.count) }
    while text.hasSuffix("/") { text = text.dropLast() }
    for version in ["/v1", "/v2"] where text.hasSuffix(version) { text = text.dropLast(version.count) }
    if text.hasPrefix("index.docker.io") { text = text.dropFirst("index.".count) }
    return String(text)
  }

  /// `*` stands for one label, or a part of one, of the host; the path is a prefix by whole parts.
  private static func matches(_ place: String, _ pattern: String) -> Bool {
    let wanted: [Substring] = pattern.split(separator: "/")
    let given: [Substring] = place.split(separator: "/")
    guard let host: Substring = wanted.first, wanted.count <= given.count, Array(wanted.dropFirst()) == Array(given[1..<wanted.count])
    else { return false }
    let labels: [Substring] = host.split(separator: ".")
    let own: [Substring] = given[0].split(separator: ".")
    return labels.count == own.count && zip(labels, own).allSatisfy { label, text in isLike(text, label) }
  }

  private static func isLike(_ text: Substring, _ pattern: Substring) -> Bool {
    guard let star: Substring.Index = pattern.firstIndex(of: "*") else { return text == pattern }
    let (front, back) = (pattern[..<star], pattern[pattern.index(after: star)...])
    return text.count >= front.count + back.count && text.hasPrefix(front) && text.hasSuffix(back)
  }
}
