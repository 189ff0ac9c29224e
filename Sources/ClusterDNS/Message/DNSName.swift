import Primitives

/// A domain name as its labels, lower-cased: DNS compares without case (RFC 4343).
public struct DNSName: Hashable, Sendable, CustomStringConvertible {
  public let labels: [String]

  public init(labels: [String]) { self.labels = labels }

  /// `web.shop.svc.cluster.local`, with or without the last dot.
  public init(_ text: String) {
    labels = text.split(separator: ".").map { $0.lowercased() }
  }

  public var description: String { labels.isEmpty ? "." : labels.joined(separator: ".") + "." }

  /// The labels in front of `suffix`, nil if the name does not end so.
  public func prefix(before suffix: DNSName) -> [String]? {
    guard labels.count >= suffix.labels.count, Array(labels.suffix(suffix.labels.count)) == suffix.labels else { return nil }
    return Array(labels.dropLast(suffix.labels.count))
  }

  var wire: Bytes {
    var bytes: Bytes = []
    for label in labels {
      bytes.append(UInt8(truncatingIfNeeded: label.utf8.count))
      bytes += Array(label.utf8)
    }
    return bytes + [0]
  }
}
