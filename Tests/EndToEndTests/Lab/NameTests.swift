import KubeModel
import Primitives
import Testing

extension LabSuite {
  /// dig on the branch, against the name servers of every center, over UDP and TCP.
  @Suite("Names", .serialized, .enabled(if: Client.dig && Client.kubectl, "dig (Debian's bind9-dnsutils) or kubectl is not installed"))
  struct NameTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    private static let headless = """
      {apiVersion: v1, kind: Service, metadata: {name: each, namespace: shop}, spec: {clusterIP: None, selector: {app: web},
        ports: [{name: http, port: 80, targetPort: 8080}]}}
      """

    /// The answer section: name, TTL, class, type, value.
    private func dig(_ host: String, _ tcp: Bool, _ words: String...) async throws -> [[String]] {
      let flags: [String] = ["+noall", "+answer", "+tries=2", "+time=5", tcp ? "+tcp" : "+notcp"]
      let said: Said = try await lab.machine.run(["dig", "@\(TestLab.address[host] ?? "")"] + flags + words, on: "branch").passed()
      return said.output.split(separator: "\n").filter { !$0.hasPrefix(";") }.map {
        $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
      }
    }

    @Test("of Services, headless Services and the whole federation are the same in every center") func names() async throws {
      try await lab.home()
      try await lab.kubectl("apply -f -", input: Self.headless).passed()
      let lab: TestLab = lab
      let address: String = try await lab.kubectl("-n shop get service web -o jsonpath={.spec.clusterIP}").passed().text
      let pods: Set<String> = Set(
        try await lab.kubectl("-n shop get pods -l app=web -o jsonpath={.items[*].status.podIP}").passed().text.split(separator: " ")
          .map(String.init))
      #expect(pods.count == 3)
      for host in TestLab.hosts {
        try await eventually("\(host) knows every pod of the headless Service") {
          Set(try await dig(host, false, "each.shop.svc.cluster.local", "A").map { $0.last ?? "" }) == pods
        }
        for tcp in [false, true] {
          let way: String = "\(host) over \(tcp ? "TCP" : "UDP")"
          #expect(try await dig(host, tcp, "web.shop.svc.cluster.local", "A").map { $0.last } == [address], "\(way)")
          #expect(Set(try await dig(host, tcp, "each.shop.svc.cluster.local", "A").map { $0.last ?? "" }) == pods, "\(way)")
          let ports: [[String]] = try await dig(host, tcp, "_http._tcp.web.shop.svc.cluster.local", "SRV")
          #expect(ports.map { $0.suffix(2) } == [["80", "web.shop.svc.cluster.local."]], "\(way): \(ports)")
          let reverse: [[String]] = try await dig(host, tcp, "-x", address)
          #expect(reverse.map { $0.last } == ["web.shop.svc.cluster.local."], "\(way)")
          // The active center's hosts, for a second each time.
          let global: [[String]] = try await dig(host, tcp, "web.shop.bank.tricenter.test", "A")
          #expect(Set(global.map { $0.last ?? "" }) == ["10.71.0.11", "10.71.0.12"], "\(way): \(global)")
          #expect(global.allSatisfy { $0.count == 5 && $0[1] == "1" }, "\(way): \(global)")
        }
      }
      try await lab.kubectl("-n shop delete service each").passed()
    }

    @Test("that are not there, or not ours, are told so") func absent() async throws {
      for host in ["prod-2", "ldr-2", "rdr-1"] {
        let address: String = TestLab.address[host] ?? ""
        let missing: Said = try await lab.machine.run(["dig", "@\(address)", "nobody.shop.svc.cluster.local"], on: "branch")
        #expect(missing.output.contains("status: NXDOMAIN"), "\(missing)")
        let foreign: Said = try await lab.machine.run(["dig", "@\(address)", "www.example.org"], on: "branch")
        #expect(foreign.output.contains("status: REFUSED"), "\(foreign)")
      }
    }
  }
}
