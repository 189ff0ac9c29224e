import Primitives
import Site

/// Where a fenced copy of a cluster lies: which of its hosts stand for whom, under names and addresses that nothing else of this machine
/// has.
/// Pure.
///
/// The copy's site has every center of the real one, because the cluster that is failed over knows them; only the hosts of `center` are
/// ever
/// given power. The others are the loss that is drilled.
public struct CopyPlan: Sendable {
  /// Of every host, and with it of every network namespace, control group and certificate.
  public static let prefix = "copy-"
  public let center: CenterName
  /// Everything that the copy may be reached at, and nothing else is.
  public let range: IPRange
  /// The copy's site file.
  public let text: String
  public let site: Site

  /// - Parameter token: tells this copy from every other, in the federation's name and so in the ids of its store and its certificates.
  /// Throws `.badInput` where the center is unknown or no addresses are free.
  public init(_ real: Site, center: CenterName, token: String) throws {
    guard real.center(center) != nil else {
      throw LabError(
        .badInput, "No center is called \(center): a copy has one of \(real.centers.map(\.name.value).joined(separator: ", ")).")
    }
    guard let range: IPRange = Self.freeRange(real) else {
      throw LabError(.badInput, "Every block from 10.80.0.0/16 to 10.250.0.0/16 is taken by the site file: a copy needs one for itself.")
    }
    guard real.centers.count <= 30, real.hosts.count <= 128 else {
      throw LabError(
        .badInput, "A copy holds 30 centers and 128 hosts at most, and the site has \(real.centers.count) and \(real.hosts.count).")
    }
    self.center = center
    self.range = range
    text = Self.text(real, range, token: token)
    do {
      site = try SiteReader.parse(text, file: "the copy's site")
    } catch {
      throw LabError(.badInput, "The copy's site file does not hold together: \(error)", cause: error)
    }
  }

  /// Hosts that are given power.
  public var hosts: [Host] { site.center(center)?.hosts ?? [] }
  /// Of the real site, those that the copy's hosts stand for.
  public static func original(_ host: HostName) -> HostName {
    HostName(host.value.hasPrefix(prefix) ? String(host.value.dropFirst(prefix.count)) : host.value)
  }
  public static func zone(_ real: Site) -> String { "copy.\(real.zone)" }
  /// Of the copy's own client.
  var branch: LabPlan.Branch? { site.lab?.branch }
  var edge: IPRange { IPRange(network: range.last.advanced(by: -3), prefixLength: 30) }

  private static func freeRange(_ real: Site) -> IPRange? {
    var taken: [IPRange] = real.centers.flatMap { [$0.network] + $0.hosts.map(\.pods) } + real.clusters.map(\.services)
    if let branch: LabPlan.Branch = real.lab?.branch { taken.append(branch.network) }
    return (80...250).lazy.compactMap { number -> IPRange? in
      guard case .success(let range) = IPRange.parse("10.\(number).0.0/16") else { return nil }
      return taken.contains { $0.overlaps(range) } ? nil : range
    }.first
  }

  private static func text(_ real: Site, _ range: IPRange, token: String) -> String {
    func block(_ third: Int) -> IPAddress { range.first.advanced(by: third * 256) }
    var text: String = "# Made for a fenced copy of \(real.federation): only one center's hosts are given power.\n"
    text +=
      "federation: \(real.federation)-copy-\(token)\nzone: \(zone(real))\ncities: [\(real.cities.joined(separator: ", "))]\ncenters:\n"
    var pods: Int = 64
    for (index, one) in real.centers.enumerated() {
      text += "  - name: \(one.name)\n    role: \(one.role.rawValue)\n    city: \(one.city)\n    network: \(block(index))/24\n    hosts:\n"
      for (number, host) in one.hosts.enumerated() {
        text += "      - { name: \(prefix)\(host.name), address: \(block(index).advanced(by: 11 + number)), voter: \(host.voter), "
        text += "pods: \(block(pods))/24 }\n"
        pods += 1
      }
    }
    let branch: String = real.lab?.branch.name.value ?? "branch"
    text += SiteText.common(real, end: { $0 == branch ? prefix + branch : $0 })
    return text + "lab:\n  branch: { name: \(prefix)\(branch), network: \(block(32))/24, address: \(block(32).advanced(by: 11)) }\n"
  }
}
