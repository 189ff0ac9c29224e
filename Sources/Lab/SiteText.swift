import Primitives
import Site

/// What a site file made from another one takes over from it, whatever addresses and names its hosts have: lines, clusters, lease, ports.
enum SiteText {
  /// - Parameters:
  ///   - end: how the made site calls an end of a line.
  ///   - services: of the cluster with this number.
  ///   - dnsPort: nil, the same.
  static func common(
    _ site: Site, end: (String) -> String = { $0 }, services: (Int, ClusterPlan) -> String = { $1.services.description },
    dnsPort: Int? = nil
  ) -> String {
    var text: String = "links:\n"
    for link in site.links {
      let ends: String = link.between.map { end($0.value) }.joined(separator: ", ")
      text += "  - { between: [\(ends)], roundTrip: \(link.roundTrip.inNanoseconds / 1_000)us }\n"
    }
    text += "clusters:\n"
    for (index, cluster) in site.clusters.enumerated() {
      text += "  - name: \(cluster.name)\n    services: \(services(index, cluster))\n    domain: \(cluster.domain)\n"
      text += "    nodePorts: \(cluster.nodePorts.lowerBound)-\(cluster.nodePorts.upperBound)\n"
      text += "    centers: [\(cluster.order.map(\.value).joined(separator: ", "))]\n"
      text += "    failover: { automaticTo: [\(cluster.automaticTo.map(\.value).joined(separator: ", "))] }\n"
    }
    let policy: ActivationPolicy = site.activation
    func milliseconds(_ duration: Duration) -> Int64 { duration.inNanoseconds / 1_000_000 }
    text += "activation: { lease: \(milliseconds(policy.lease))ms, renewEvery: \(milliseconds(policy.renewEvery))ms, "
    text += "margin: \(milliseconds(policy.margin))ms }\n"
    let ports: Ports = site.ports
    text += "ports: { client: \(ports.client), peer: \(ports.peer), apiserver: \(ports.apiserver), kubelet: \(ports.kubelet), "
    return text + "dns: \(dnsPort ?? ports.dns), admin: \(ports.admin), role: \(ports.role) }\n"
  }
}
