import Glibc
import Primitives
import Processes
import Testing

/// Members that come and go, as etcd's documentation tells operators to do it: etcdctl and the flags that it prints.
@Suite(.serialized, .enabled(if: DaemonBench.obstacle == nil, "\(DaemonBench.obstacle ?? "")"))
struct StoreMemberTests {
  @Test(.enabled(if: findProgram("etcdctl") != nil, "no etcdctl in PATH"))
  func `a fourth member joins a running cluster, is promoted, and takes the place of one that is removed`() async throws {
    try await DaemonBench.run(net: 45, moreHosts: { ", { name: ldr-2, address: 127.\($0).1.12, pods: 127.\($0).103.0/24, voter: false }" })
    {
      bench in
      let places: [(name: String, center: String, address: String)] = [
        ("prod-1", "production", "127.\(bench.net).0.11"), ("ldr-1", "local-dr", "127.\(bench.net).1.11"),
        ("rdr-1", "remote-dr", "127.\(bench.net).2.11"),
      ]
      let founders: String = places.map { "\($0.name)=https://\($0.address):2380" }.joined(separator: ",")
      // Little is kept behind a snapshot, so that whoever comes late needs one.
      let short: [String] = ["--snapshot-count=50", "--snapshot-catchup-entries=10"]
      let pids: [pid_t] = try places.map {
        try bench.store($0.name, center: $0.center, address: $0.address, members: founders, more: short)
      }
      for place in places {
        try await bench.until("\(place.name) is ready") { bench.log("store-\(place.name)").contains("ready to serve client requests") }
      }
      let all: String = places.map { "https://\($0.address):2379" }.joined(separator: ",")
      for number in 0..<3 {
        let puts: String = (0..<100).map { "put k/\($0) \(number)" }.joined(separator: "\n")
        #expect(try await bench.etcdctl(all, input: "\n\(puts)\n\n\n", "txn").output.text.contains("SUCCESS"))
      }
      let person = "\(bench.pki)/people/admin"
      let load: Command.Outcome = try await Command(
        [
          DaemonBench.program ?? "tricenter", "store", "check", "perf", "--seconds", "1", "--endpoints", all, "--cacert",
          "\(bench.pki)/ca.pem",
          "--cert", "\(person).pem", "--key", "\(person).key",
        ], timeout: .seconds(60)
      ).outcome()
      #expect(load.output.text.contains("Throughput"), "\(load.output.text)\(load.errors.text)")

      let address = "127.\(bench.net).1.12"
      let added: String = try await bench.etcdctl(all, "member", "add", "ldr-2", "--learner", "--peer-urls", "https://\(address):2380")
        .output.text
      let members: String =
        try #require(added.split(separator: "\n").first { $0.hasPrefix("ETCD_INITIAL_CLUSTER=") })
        .split(separator: "\"").last.map(String.init) ?? ""
      #expect(members.split(separator: ",").count == 4 && added.contains("ETCD_INITIAL_CLUSTER_STATE=\"existing\""))
      let joining: [String] = ["--initial-cluster-state", "existing"]
      var last: pid_t = try bench.store("ldr-2", center: "local-dr", address: address, members: members, more: joining)
      try await bench.until("it is ready") { bench.log("store-ldr-2").contains("ready to serve client requests") }
      #expect(places.contains { bench.log("store-\($0.name)").contains("sending a snapshot") })
      let own = "https://\(address):2379"
      #expect(try await bench.etcdctl(own, "get", "k/7").output.text == "k/7\n2\n")
      try await bench.until("it is promoted") {
        let list: String = try await bench.etcdctl(all, "member", "list").output.text
        guard let id = list.split(separator: "\n").first(where: { $0.contains("ldr-2") })?.split(separator: ",").first else { return false }
        return try await bench.etcdctl(all, "member", "promote", String(id)).output.text.contains("promoted in cluster")
      }
      // One of the founders dies for good, and goes.
      kill(pids[0], SIGKILL)
      let rest: String = places.dropFirst().map { "https://\($0.address):2379" }.joined(separator: ",")
      let list: String = try await bench.etcdctl(own, "member", "list").output.text
      let dead: String = try #require(
        list.split(separator: "\n").first { $0.contains("prod-1") }?.split(separator: ",").first.map(String.init))
      try await bench.until("the dead one is removed") {
        try await bench.etcdctl(rest, "member", "remove", dead).output.text.contains("removed from cluster")
      }
      #expect(try await bench.etcdctl(own, "put", "after", "all").output.text == "OK\n")
      // Started again with the flags that it has: it knows who it is.
      kill(last, SIGKILL)
      last = try bench.store("ldr-2-again", as: "ldr-2", center: "local-dr", address: address, members: members, more: joining)
      try await bench.until("it is ready again") { bench.log("store-ldr-2-again").contains("ready to serve client requests") }
      #expect(try await bench.etcdctl(own, "get", "after").output.text == "after\nall\n")
      #expect(try await bench.etcdctl(own, "member", "list").output.text.split(separator: "\n").count == 3)
    }
  }
}
