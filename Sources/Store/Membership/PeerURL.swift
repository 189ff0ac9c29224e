import Keyspace
import Primitives

/// Addresses of members as etcd writes them: `https://host:port`. Peers speak TLS whatever the scheme says.
enum PeerURL {
  /// nil: not an address of a member: scheme, host and port are needed, and nothing behind them.
  static func parse(_ text: String) -> (host: String, port: Int)? {
    guard let scheme: String = ["https://", "http://"].first(where: text.hasPrefix) else { return nil }
    let rest: Substring = text.dropFirst(scheme.count)
    guard let colon: Substring.Index = rest.lastIndex(of: ":"), let port = Int(rest[rest.index(after: colon)...]),
      (1...65_535).contains(port)
    else { return nil }
    var host: Substring = rest[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard host.utf8.allSatisfy({ $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") || Character(UnicodeScalar($0)).isHexDigit }) else {
        return nil
      }
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, !host.contains(where: { $0 == "/" || $0 == "@" || $0 == "?" || $0 == "#" || $0.isWhitespace }) else { return nil }
    return (String(host), port)
  }

  static func text(host: String, port: Int, isPlain: Bool = false) -> String {
    "\(isPlain ? "http" : "https")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }

  /// Throws `.memberBadURLs`.
  static func check(_ urls: [String]) throws(KeyspaceError) {
    guard !urls.isEmpty, Set(urls).count == urls.count, urls.count <= StoreLimits.urlsPerMember else {
      throw KeyspaceError(.memberBadURLs, "a member needs an address, at most \(StoreLimits.urlsPerMember), none twice: \(urls)")
    }
    for url in urls where parse(url) == nil {
      throw KeyspaceError(.memberBadURLs, "\(url.debugDescription) is no address of a member: it must be https://host:port")
    }
  }
}
