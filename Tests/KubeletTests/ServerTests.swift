import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Observability
import Primitives
import TLS
import Testing

@testable import Kubelet

@Suite("The kubelet's own server")
struct ServerTests {
  private func ask(_ path: String, as peer: PeerIdentity?) async throws -> (Int, String) {
    let scratch = Scratch()
    let cluster = try await TestCluster()
    var settings = KubeletConfiguration(
      hostName: "prod-1", center: "production", city: "east", address: "10.1.0.11", podCIDR: "10.244.0.0/24",
      runtime: .simulated(startLatency: .zero),
      rootDirectory: scratch.path)
    settings.cgroupRoot = ""
    let kubelet = try Kubelet(client: cluster.node, configuration: settings)
    let transport = InProcessTransport(responder: KubeletResponder(kubelet: kubelet, health: HealthRegistry()), peer: peer)
    let response: ClientResponse = try await transport.execute(
      HTTPRequest(method: .get, scheme: "https", authority: "prod-1:10250", path: path), body: nil)
    let body: ByteBuffer = try await response.body.collect(upTo: 1 << 20)
    cluster.server.stop()
    return (response.head.status.code, String(buffer: body))
  }
  private let admin = PeerIdentity(commonName: "admin", organizations: ["system:masters"])

  @Test("Health is for everybody, the rest for those with the right certificate")
  func access() async throws {
    #expect(try await ask("/healthz", as: nil) == (200, "ok"))
    #expect(try await ask("/pods", as: nil).0 == 401)
    #expect(try await ask("/pods", as: PeerIdentity(commonName: "someone")).0 == 403)
    let pods: (Int, String) = try await ask("/pods", as: admin)
    #expect(pods.0 == 200)
    #expect(try JSONValue.parse(pods.1)["kind"].string == "PodList")
    #expect(try await ask("/metrics", as: admin).0 == 200)
  }

  @Test(
    "What goes into containers is for the apiserver alone",
    arguments: ["/exec/shop/web/web", "/attach/shop/web/web", "/portForward/shop/web", "/containerLogs/shop/web/web"])
  func streams(_ path: String) async throws {
    #expect(try await ask(path, as: admin).0 == 403)
    #expect(try await ask(path, as: PeerIdentity(commonName: "system:node:prod-2", organizations: ["system:nodes"])).0 == 403)
    let answer: (Int, String) = try await ask(path, as: PeerIdentity(commonName: "system:apiserver"))
    #expect(answer == (404, "pod shop/web is not on this node\n"))
  }

  @Test(arguments: ["/run/shop/web/web", "/cri/x", "/debug/pprof"]) func refusedByName(_ path: String) async throws {
    #expect(try await ask(path, as: admin).0 == 501)
  }

  @Test func unknown() async throws { #expect(try await ask("/nowhere", as: admin).0 == 404) }
}
