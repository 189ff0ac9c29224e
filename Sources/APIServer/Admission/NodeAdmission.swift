import KubeModel
import Primitives

extension Admission {
  /// A kubelet writes the node its certificate names (Kubernetes' NodeRestriction).
  func checkNode(_ resource: Resource, _ name: String, user: UserInfo) throws {
    guard let node: String = user.nodeName, node != name else { return }
    throw KubeStatus.forbidden(resource.name, name: name, "node \"\(node)\" is not allowed to modify node \"\(name)\"")
  }

  func checkNodeLease(_ resource: Resource, _ object: KubeObject, user: UserInfo) throws {
    guard let node: String = user.nodeName, object.name != node else { return }
    throw KubeStatus.forbidden(
      resource.name, name: object.name, "node \"\(node)\" can only access node lease with the same name as the requesting node")
  }

  private func podRanges(_ node: KubeObject) -> [String] {
    let several: [String] = node.spec["podCIDRs"].array.compactMap(\.string)
    return several.isEmpty ? node.spec["podCIDR"].string.map { $0.isEmpty ? [] : [$0] } ?? [] : several
  }

  func podRangeKeys(_ node: KubeObject) -> [Bytes] { podRanges(node).map { storage.layout.podRange(Self.keyText($0)) } }

  private static func keyText(_ range: String) -> String { String(range.map { $0 == "/" ? "_" : $0 }) }

  /// Two nodes with one range of pod addresses would answer for each other's pods. Equal ranges are kept apart by a reservation,
  /// overlapping ones by looking at the other nodes.
  func reservePodRange(_ node: KubeObject, old: KubeObject?, _ plan: inout AdmissionPlan) async throws {
    let ranges: [String] = podRanges(node)
    if let old, podRanges(old) == ranges { return }
    for text in ranges {
      guard let range = IPv4Range(text) else {
        // IPv6 ranges are kept apart by their reservation alone.
        if text.contains(":") { continue }
        throw invalidNode(node, text, "must be a valid CIDR address without bits behind its length")
      }
      for other in catalog.nodes.hub.snapshot().objects.all where other.name != node.name {
        let taken: [String] = podRanges(try other.object())
        if let overlap: String = taken.first(where: { IPv4Range($0)?.overlaps(range) ?? false }) {
          throw invalidNode(node, text, "overlaps \(overlap) of node \"\(other.name)\"")
        }
      }
    }
    plan.reservations.released += old.map { podRangeKeys($0) } ?? []
    plan.reservations.taken += podRangeKeys(node).map { (key: $0, owner: owner("nodes", node)) }
  }

  func invalidNode(_ node: KubeObject, _ range: String, _ why: String) -> KubeStatus {
    .invalid(group: "", kind: "Node", name: node.name, [.invalid(FieldPath("spec.podCIDRs"), .string(range), why)])
  }
}
