import KubeModel
import Primitives
import Site
import Testing

@testable import Federation

/// What the active center tells of the others: objects in, status out.
@Suite struct CenterStatusTests {
  private static let center: Center = {
    let text = """
      federation: test
      zone: tricenter.test
      cities: [east, west]
      centers:
        - { name: production, role: production, city: east, network: 10.1.0.0/24, hosts: [{ name: p1, address: 10.1.0.1, pods: 10.11.1.0/24 }] }
        - name: local-dr
          role: local-dr
          city: east
          network: 10.2.0.0/24
          hosts:
            - { name: l1, address: 10.2.0.1, pods: 10.12.1.0/24 }
            - { name: l2, address: 10.2.0.2, voter: false, pods: 10.12.2.0/24 }
        - { name: remote-dr, role: remote-dr, city: west, network: 10.3.0.0/24, hosts: [{ name: r1, address: 10.3.0.1, pods: 10.13.1.0/24 }] }
      clusters:
        - { name: bank, services: 10.196.0.0/16, centers: [production, local-dr, remote-dr] }
      """
    guard let site = try? SiteReader.parse(text, file: "site.yaml"), let center = site.center("local-dr") else {
      preconditionFailure("the test's site cannot be read")
    }
    return center
  }()

  private static func node(_ name: String, ready: Bool = true) -> KubeObject {
    KubeObject([
      "kind": "Node", "metadata": ["name": .string(name), "labels": [FederationNames.centerLabel: "local-dr"]],
      "status": ["conditions": [["type": "Ready", "status": .string(ready ? "True" : "False")]]],
    ])
  }

  private static func status(_ nodes: [KubeObject], active: CenterName = "production", silence: Duration?) -> JSONValue {
    FederationObjects.centerStatus(
      center, nodes: nodes, active: active, cluster: "bank", silence: silence, patience: .seconds(3), source: "p1 of production", now: "NOW"
    )
  }

  @Test func aStandbyThatAnswersIsReady() {
    #expect(
      Self.status([Self.node("l1"), Self.node("l2")], silence: .milliseconds(400)) == [
        "ready": true, "phase": "Standby", "nodesReady": 2, "nodesTotal": 2, "activeFor": [], "source": "p1 of production",
        "lastHeard": "NOW",
      ])
    #expect(Self.status([Self.node("l1"), Self.node("l2", ready: false)], silence: nil)["phase"] == "Recovering")
  }

  /// Its kubelets' last heartbeats say Ready for 40 s; silence says otherwise.
  @Test func aDarkCenterIsNotReadyAfterAWhile() {
    let nodes: [KubeObject] = [Self.node("l1"), Self.node("l2")]
    #expect(Self.status(nodes, silence: .milliseconds(2_999))["ready"] == true)
    #expect(
      Self.status(nodes, silence: .seconds(3)) == [
        "ready": false, "phase": "Unreachable", "nodesReady": 0, "nodesTotal": 2, "activeFor": [], "source": "p1 of production",
      ])
  }

  @Test func aProposalWaitsForPeople() {
    let record = ActivationRecord(cluster: "bank", center: "production", epoch: 4, lease: .seconds(3), resourceVersion: "9")
    #expect(
      FederationObjects.proposal(record, to: "local-dr").json == [
        "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": "bank-epoch-4-to-local-dr"],
        "spec": [
          "cluster": "bank", "from": "production", "to": "local-dr", "kind": "failover", "epoch": 4,
          "reason": "production is silent, and the policy wants people's approval", "requestedBy": "federation/local-dr",
        ],
      ])
  }
}
