import Glibc
import Primitives
import Processes
import Testing

/// A member on a disk that fills up, and one that reaches its quota: both say NOSPACE, in etcd's words.
@Suite(.serialized, .enabled(if: OwnMounts.obstacle == nil, "\(OwnMounts.obstacle ?? "")"))
struct FullDiskTests {
  @Test func `a full disk refuses writes, serves reads, says so, and takes writes again once there is space`() async throws {
    try await PlainStores.run { stores in
      let url = "http://\(stores.address()):2379"
      let disk = "\(stores.folder)/disk"
      mkdir(disk, 0o700)
      let pid: pid_t = try stores.launch(
        [
          "unshare", "-m", "sh", "-c",
          "mount -t tmpfs -o size=112m tmpfs \(disk) && dd if=/dev/zero of=\(disk)/ballast bs=1M count=48 2>/dev/null && exec \(DaemonBench.program ?? "") store "
            + "--data-dir \(disk)/member --listen-client-urls \(url) --advertise-client-urls \(url)",
        ], "full")
      try await eventually("it is ready") { stores.log("full").contains("ready to serve client requests") }
      let megabyte: String = String(repeating: "v", count: 1_000_000)
      var refusal: String = ""
      for number in 0..<200 where refusal.isEmpty {
        let answer: String = try await stores.etcdctl(url, input: megabyte, ["--command-timeout=10s", "put", "k/\(number)"])
        if answer != "OK\n" { refusal = answer }
      }
      #expect(refusal.contains("etcdserver: mvcc: database space exceeded") || refusal.contains("deadline exceeded"), "\(refusal)")
      try await eventually("it is refused in etcd's words") {
        try await stores.etcdctl(url, input: "v", ["--command-timeout=10s", "put", "k"]).contains("mvcc: database space exceeded")
      }
      #expect(try await stores.etcdctl(url, "get", "k/0", "--print-value-only").utf8.count == 1_000_001)
      #expect(try await stores.curl("\(url)/health") == #"{"health":"false","reason":"ALARM NOSPACE"}"#)
      #expect(try await stores.etcdctl(url, "alarm", "list").contains("alarm:NOSPACE"))
      #expect(try await stores.etcdctl(url, "endpoint", "status", "-w", "json").contains("has been full for"))
      // Seen through the member's own eyes: the disk is mounted for it alone.
      #expect(unlink("/proc/\(pid)/root\(disk)/ballast") == 0)
      try await eventually("writes are taken again") {
        try await stores.etcdctl(url, input: "v", ["--command-timeout=10s", "put", "k"]) == "OK\n"
      }
      try await eventually("nobody had to disarm it") { try await stores.curl("\(url)/health") == #"{"health":"true","reason":""}"# }
      #expect(try await stores.etcdctl(url, "alarm", "list") == "")
    }
  }

  @Test func `the quota raises NOSPACE until there is room and somebody disarms it`() async throws {
    try await PlainStores.run { stores in
      let url: String = try await stores.start("small", "--quota-backend-bytes", "3000000")
      let megabyte: String = String(repeating: "v", count: 1_000_000)
      for number in 0..<2 { #expect(try await stores.etcdctl(url, input: megabyte, ["put", "k/\(number)"]) == "OK\n") }
      #expect(try await stores.etcdctl(url, input: megabyte, ["put", "k/2"]).contains("etcdserver: mvcc: database space exceeded"))
      try await eventually("the alarm is raised") { try await stores.etcdctl(url, "alarm", "list").contains("alarm:NOSPACE") }
      #expect(try await stores.etcdctl(url, "put", "small", "v").contains("database space exceeded"))
      #expect(try await stores.etcdctl(url, "get", "k/0", "--keys-only").contains("k/0"))
      #expect(try await stores.etcdctl(url, "del", "--prefix", "k/") == "2\n")
      let text: String = try await stores.etcdctl(url, "get", "x", "-w", "json")
      let revision: Substring = text.split(separator: "\"revision\":").dropFirst().first?.prefix { $0.isNumber } ?? ""
      #expect(try await stores.etcdctl(url, "compact", String(revision)).contains("compacted revision"))
      #expect(try await stores.etcdctl(url, "defrag").contains("Finished defragmenting"))
      #expect(try await stores.etcdctl(url, "alarm", "disarm").contains("alarm:NOSPACE"))
      #expect(try await stores.etcdctl(url, "put", "small", "v") == "OK\n")
      #expect(try await stores.curl("\(url)/metrics").contains("\netcd_server_quota_backend_bytes 3000000"))
    }
  }
}

enum OwnMounts {
  static var obstacle: String? {
    if let obstacle: String = DaemonBench.obstacle { return obstacle }
    let probe: Command.Outcome? = try? Command("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt").runBlocking()
    return probe?.status == 0 ? nil : "no mount namespace of its own can be made here"
  }
}
