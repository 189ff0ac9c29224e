import KubeModel
import Primitives

/// Whether anybody of a center that gives way may still act, as a pure function of what is stored. What it reads only ever becomes true
/// within an epoch, so a cache that lags behind makes it late and never wrong.
public enum HandoverReport {
  /// Who has not confirmed yet, in words; empty: nobody of the center acts any more.
  /// - Parameters:
  ///   - hosts: of the center, as the site file has them; Nodes that carry its label count as well.
  ///   - leases: the leader leases of what acts in one center only.
  public static func unconfirmed(
    center: CenterName, epoch: Int64, hosts: [HostName], nodes: [KubeObject], leases: [KubeObject]
  ) -> [String] {
    let own: [KubeObject] = nodes.filter { $0.labels[FederationNames.centerLabel] == center.value }
    let names: Set<String> = Set(hosts.map(\.value) + own.map(\.name))
    var open: [String] = []
    for name in names.sorted() {
      guard let node: KubeObject = nodes.first(where: { $0.name == name }) else {
        open.append("\(name) has no Node")
        continue
      }
      if node.annotations[FederationNames.yieldedEpochAnnotation] != String(epoch) { open.append("\(name) may still run exclusive pods") }
      if node.annotations[FederationNames.controlYieldedEpochAnnotation] != String(epoch) {
        open.append("the federation daemon of \(name) may still act")
      }
    }
    for lease in leases {
      let holder: String = lease.spec["holderIdentity"].string ?? ""
      guard let host: Substring = holder.split(separator: "/").first, names.contains(String(host)),
        lease.annotations["federation.tricenter.io/epoch"] == String(epoch)
      else { continue }
      open.append("\(holder) still leads")
    }
    return open
  }
}
