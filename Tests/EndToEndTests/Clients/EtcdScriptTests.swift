import Glibc
import Primitives
import Processes
import Testing

/// Scripts that start etcd start us: one member or three, plain or with certificates that were made for etcd.
@Suite(.serialized, .enabled(if: DaemonBench.obstacle == nil, "\(DaemonBench.obstacle ?? "")"))
struct EtcdScriptTests {
  @Test func `three members with http peers elect, lose their leader, take it back and grow`() async throws {
    try await PlainStores.run { stores in
      let cluster: ScriptedCluster = try await .start(stores, .plain)
      #expect(stores.log("infra0").contains("peers: with http:// in --listen-peer-urls members speak TLS"))
      #expect(try await cluster.etcdctl("put", "a", "1") == "OK\n")
      #expect(try await cluster.etcdctl("member", "list").contains("http://\(cluster.addresses[0]):2380"))
      let gone: Int = try await cluster.killLeader()
      #expect(try await cluster.etcdctl("put", "a", "2") == "OK\n")
      try await cluster.restart(gone)
      #expect(try await stores.etcdctl(cluster.url(gone), "get", "a", "--print-value-only") == "2\n")
      try await eventually("all members agree on the hash of what they keep") {
        let lines: [Substring] = try await cluster.etcdctl("endpoint", "hashkv").split(separator: "\n")
        return lines.count == 3 && Set(lines.map { $0.split(separator: " ").last ?? "" }).count == 1
      }
      // Nothing of what members say can be read by who listens, nor said by who does not know the token.
      let probe: Command.Outcome = try await Command(
        ["openssl", "s_client", "-connect", "\(cluster.addresses[0]):2380", "-alpn", "tricenter-link/1"], timeout: .seconds(20)
      ).outcome()
      #expect((probe.output.text + probe.errors.text).contains("TLSv1.3"))
      // One more, as etcd's documentation tells it: etcdctl's own output is what it is started with.
      let address: String = stores.address()
      let added: String = try await cluster.etcdctl("member", "add", "infra3", "--learner", "--peer-urls", "http://\(address):2380")
      let members: String =
        try #require(added.split(separator: "\n").first { $0.hasPrefix("ETCD_INITIAL_CLUSTER=") })
        .split(separator: "\"").last.map(String.init) ?? ""
      #expect(members.contains("infra0=http://\(cluster.addresses[0]):2380"))
      let more: [String] = ["--initial-cluster", members, "--initial-cluster-state", "existing", "--initial-cluster-token"]
      let flags: [String] = [
        "--listen-client-urls", "http://\(address):2379", "--advertise-client-urls", "http://\(address):2379", "--listen-peer-urls",
        "http://\(address):2380", "--initial-advertise-peer-urls", "http://\(address):2380",
      ]
      try stores.member("infra3", log: "stranger", flags + more + ["another token"])
      try await eventually("who does not know the token is told so") { stores.log("stranger").contains("no member tells who this one") }
      try stores.member("infra3", flags + more + ["etcd-cluster-1"])
      try await eventually("it is ready") { stores.log("infra3").contains("ready to serve client requests") }
      #expect(try await stores.etcdctl("http://\(address):2379", "get", "a", "--print-value-only") == "2\n")
    }
  }

  @Test func `three members with an operator's own certificates serve clients that show one`() async throws {
    try await PlainStores.run { stores in
      let cluster: ScriptedCluster = try await .start(stores, .certificates)
      #expect(stores.log("infra1").contains("everyone with a certificate of \(stores.folder)/ca.pem can be one"))
      #expect(try await cluster.etcdctl("put", "a", "1") == "OK\n")
      let gone: Int = try await cluster.killLeader()
      #expect(try await cluster.etcdctl("put", "a", "2") == "OK\n")
      try await cluster.restart(gone)
      // A peer needs a certificate of that authority.
      let bare: Command.Outcome = try await Command(
        ["openssl", "s_client", "-connect", "\(cluster.addresses[1]):2380", "-alpn", "tricenter-link/1", "-quiet", "-ign_eof"],
        timeout: .seconds(20)
      ).outcome()
      #expect(bare.errors.text.contains("certificate required") || bare.errors.text.contains("alert"), "\(bare.errors.text)")
    }
  }

  @Test func `one member with certificates that it makes itself`() async throws {
    try await PlainStores.run { stores in
      let address: String = stores.address()
      let url = "https://\(address):2379"
      try stores.member(
        "auto",
        [
          "--listen-client-urls", url, "--advertise-client-urls", url, "--auto-tls", "--peer-auto-tls=true", "--listen-peer-urls",
          "https://\(address):2380", "--initial-advertise-peer-urls", "https://\(address):2380", "--initial-cluster",
          "auto=https://\(address):2380",
        ])
      try await eventually("it is ready") { stores.log("auto").contains("ready to serve client requests") }
      #expect(try await stores.etcdctl(url, ["--insecure-transport=false", "--insecure-skip-tls-verify", "put", "a", "1"]) == "OK\n")
      #expect(try await stores.curl("-k", "\(url)/v3/kv/range", "-d", #"{"key":"YQ=="}"#).contains(#""count":"1""#))
      #expect(try await Command(["curl", "-sS", "--max-time", "5", "\(url)/version"]).outcome().errors.text.contains("certificate"))
    }
  }
}
