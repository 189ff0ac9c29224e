import Glibc
import KubeModel
import Primitives
import Testing

extension LabSuite {
  /// Debian's etcdctl over TLS, against members of every center.
  @Suite("A stock etcdctl", .serialized, .enabled(if: Client.etcdctl, "etcdctl is not installed (package etcd-client)")) struct EtcdctlTests
  {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    @Test("puts, gets, deletes", arguments: ["prod-1", "ldr-1", "rdr-1"]) func keys(_ host: String) async throws {
      let lab: TestLab = lab
      func etcdctl(_ words: String...) async throws -> String {
        try await lab.machine.run(lab.etcdctlWords([host]) + words, on: "branch", environment: ["ETCDCTL_API": "3"]).passed().output
      }
      #expect(try await etcdctl("put", "e2e/\(host)/a", "one") == "OK\n")
      #expect(try await etcdctl("put", "e2e/\(host)/b", "two") == "OK\n")
      let revision: Int64 = try #require(
        try JSONValue.parse(try await etcdctl("get", "e2e/\(host)/b", "-w", "json"))["kvs"][0]["mod_revision"].int)
      #expect(try await etcdctl("put", "--prev-kv", "e2e/\(host)/a", "uno") == "OK\ne2e/\(host)/a\none\n")
      #expect(try await etcdctl("get", "--prefix", "e2e/\(host)/") == "e2e/\(host)/a\nuno\ne2e/\(host)/b\ntwo\n")
      #expect(try await etcdctl("get", "--prefix", "--limit", "1", "e2e/\(host)/") == "e2e/\(host)/a\nuno\n")
      #expect(try await etcdctl("get", "--rev", "\(revision)", "e2e/\(host)/a") == "e2e/\(host)/a\none\n")
      // Whoever is asked, what was acknowledged is there.
      for other in TestLab.hosts {
        #expect(try await lab.etcdctl([other], "get", "e2e/\(host)/a", "--print-value-only").passed().output == "uno\n")
      }
      #expect(try await etcdctl("del", "--prefix", "e2e/\(host)/") == "2\n")
      #expect(try await lab.etcdctl(["ldr-2"], "get", "--prefix", "e2e/\(host)/").passed().output == "")
    }

    @Test("transactions", arguments: ["prod-2", "rdr-1"]) func transactions(_ host: String) async throws {
      try await lab.etcdctl([host], "put", "e2e/t", "v").passed()
      let script = "value(\"e2e/t\") = \"v\"\n\nput e2e/t w\nget e2e/t\n\nput e2e/t never\n\n"
      #expect(try await lab.etcdctl([host], "txn", input: script).passed().output == "SUCCESS\n\nOK\n\ne2e/t\nw\n")
      #expect(try await lab.etcdctl([host], "txn", input: script).passed().output == "FAILURE\n\nOK\n")
      #expect(try await lab.etcdctl(["ldr-1"], "del", "e2e/t").passed().output == "1\n")
    }

    @Test("watches from an old revision and goes on", arguments: ["prod-1", "ldr-2", "rdr-1"]) func watches(_ host: String) async throws {
      let lab: TestLab = lab
      let first: Said = try await lab.etcdctl(["prod-1"], "put", "e2e/w", "1", "-w", "json").passed()
      let revision: Int64 = try #require(try JSONValue.parse(first.output)["header"]["revision"].int)
      try await lab.etcdctl(["ldr-1"], "put", "e2e/w", "2").passed()
      let watch: Background = try lab.machine.start(
        lab.etcdctlWords([host]) + ["watch", "--rev", "\(revision)", "e2e/w"], on: "branch", environment: ["ETCDCTL_API": "3"],
        log: "watch-\(host)")
      defer { watch.end() }
      try await eventually("\(host) shows what was before the watch") { watch.text == "PUT\ne2e/w\n1\nPUT\ne2e/w\n2\n" }
      try await lab.etcdctl(["rdr-1"], "put", "e2e/w", "3").passed()
      try await lab.etcdctl(["rdr-1"], "del", "e2e/w").passed()
      try await eventually("\(host) shows what came after") {
        watch.text == "PUT\ne2e/w\n1\nPUT\ne2e/w\n2\nPUT\ne2e/w\n3\nDELETE\ne2e/w\n\n"
      }
    }

    @Test("leases: granted, kept alive, revoked, and run out") func leases() async throws {
      let lab: TestLab = lab
      func grant(_ host: String, _ seconds: Int) async throws -> String {
        let said: String = try await lab.etcdctl([host], "lease", "grant", "\(seconds)").passed().output
        return try #require(said.split(separator: " ").dropFirst().first.map(String.init))
      }
      let kept: String = try await grant("rdr-1", 3)
      try await lab.etcdctl(["ldr-1"], "put", "--lease", kept, "e2e/kept", "v").passed()
      let alive: Background = try lab.machine.start(
        lab.etcdctlWords(["prod-2"]) + ["lease", "keep-alive", kept], on: "branch", environment: ["ETCDCTL_API": "3"], log: "alive")
      let revoked: String = try await grant("prod-1", 600)
      try await lab.etcdctl(["prod-1"], "put", "--lease", revoked, "e2e/revoked", "v").passed()
      #expect(try await lab.etcdctl(["rdr-1"], "lease", "revoke", revoked).passed().output == "lease \(revoked) revoked\n")
      #expect(try await lab.etcdctl(["prod-1"], "get", "e2e/revoked").passed().output == "")
      // Four renewals at a third of its life each: longer than it would have lived.
      try await eventually("the lease was kept alive for more than its life") {
        alive.text.split(separator: "\n").filter { $0.contains("keepalived with TTL(3)") }.count >= 4
      }
      #expect(try await lab.etcdctl(["ldr-2"], "get", "e2e/kept", "--print-value-only").passed().output == "v\n")
      alive.end()
      try await eventually("the lease runs out, and its key goes with it", within: .seconds(30)) {
        try await lab.etcdctl(["ldr-2"], "get", "e2e/kept").passed().output == ""
      }
    }

    @Test("compaction forgets what was before, for every member") func compaction() async throws {
      let lab: TestLab = lab
      let old: Said = try await lab.etcdctl(["prod-1"], "put", "e2e/c", "1", "-w", "json").passed()
      let revision: Int64 = try #require(try JSONValue.parse(old.output)["header"]["revision"].int)
      let new: Said = try await lab.etcdctl(["rdr-1"], "put", "e2e/c", "2", "-w", "json").passed()
      let newer: Int64 = try #require(try JSONValue.parse(new.output)["header"]["revision"].int)
      #expect(try await lab.etcdctl(["ldr-1"], "compact", "\(newer)").passed().output == "compacted revision \(newer)\n")
      for host in TestLab.hosts {
        try await eventually("\(host) has compacted") {
          let said: Said = try await lab.etcdctl([host], "get", "--rev", "\(revision)", "e2e/c")
          return said.status != 0 && said.errors.contains("required revision has been compacted")
        }
        #expect(try await lab.etcdctl([host], "get", "--rev", "\(newer)", "--print-value-only", "e2e/c").passed().output == "2\n")
      }
      let future: Said = try await lab.etcdctl(["ldr-2"], "get", "--rev", "999999999", "e2e/c")
      #expect(future.errors.contains("required revision is a future revision"))
      // The apiservers' own watches go on over it.
      #expect(try await lab.kubectl("get nodes -o name").passed().text.split(separator: "\n").count == 5)
      try await lab.etcdctl(["ldr-2"], "del", "e2e/c").passed()
    }

    @Test("status, health and the list of members") func endpoints() async throws {
      let status: JSONValue = try JSONValue.parse(try await lab.etcdctl(TestLab.hosts, "endpoint", "status", "-w", "json").passed().output)
      #expect(status.array.count == 5)
      let leaders: Set<String> = Set(status.array.map { "\($0["Status"]["leader"])" })
      let terms: Set<Int64?> = Set(status.array.map { $0["Status"]["raftTerm"].int })
      #expect(leaders.count == 1 && terms.count == 1, "\(status)")
      let ids: Set<String> = Set(status.array.map { "\($0["Status"]["header"]["member_id"])" })
      #expect(ids.count == 5 && leaders.isSubset(of: ids))
      let health: Said = try await lab.etcdctl(TestLab.hosts, "endpoint", "health").passed()
      #expect(health.everything.components(of: "is healthy") == 5, "\(health)")
      for host in TestLab.hosts {
        let members: String = try await lab.etcdctl([host], "member", "list").passed().output
        #expect(members.split(separator: "\n").count == 5)
        for other in TestLab.hosts {
          let address: String = TestLab.address[other] ?? ""
          #expect(members.contains("started, \(other), https://\(address):2380, https://\(address):2379, false"), "\(members)")
        }
      }
    }
  }
}

extension String {
  /// How often a text stands in it.
  func components(of text: String) -> Int { ranges(of: text).count }
}
