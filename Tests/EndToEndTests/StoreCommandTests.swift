import Glibc
import Primitives
import Processes
import Testing

/// `tricenter store`'s commands against a member that was started as a script starts etcd: one name, one folder, plain URLs.
@Suite(.serialized, .enabled(if: DaemonBench.obstacle == nil, "\(DaemonBench.obstacle ?? "")"))
struct StoreCommandTests {
  @Test func `a store is saved, looked at, and goes on elsewhere as a cluster of its own`() async throws {
    try await PlainStores.run { stores in
      let url: String = try await stores.start("first")
      try await stores.fill(url)
      let file = "\(stores.folder)/saved.db"
      let saved: Command.Outcome = try await stores.tricenter("snapshot", "save", "--endpoints", url, file)
      #expect(saved.status == 0 && saved.output.text == "Snapshot saved at \(file)\n" && mode(file) == 0o600)
      #expect(saved.errors.text.contains("SHA-256"))
      #expect(try await stores.tricenter("snapshot", "status", file, "-w", "json").output.text.contains("\"revision\":42,\"totalKey\":41"))
      let table: String = try await stores.tricenter("snapshot", "status", file, "--write-out=table").output.text
      #expect(table.contains("| REVISION | TOTAL KEYS | TOTAL SIZE |") && table.contains(" |       42 |         41 | "))
      let hash: Command.Outcome = try await stores.tricenter("hashkv", "--endpoints", "\(url),\(url)", "-w", "table")
      #expect(hash.status == 0 && hash.output.text.contains("| HASH REVISION |"), "\(hash.errors.text)")

      let folder = "\(stores.folder)/second"
      let restore: [String] = ["snapshot", "restore", file, "--data-dir", folder, "--bump-revision", "1000000", "--mark-compacted"]
      let restored: Command.Outcome = try await stores.tricenter(restore + ["--output", "json"])
      #expect(restored.output.text.contains("\"revision\":1000042,\"compactRevision\":1000042"), "\(restored.errors.text)")
      let again: Command.Outcome = try await stores.tricenter(restore)
      #expect(again.status == 1 && again.errors.text.contains("is not empty"))
      #expect(
        try await stores.tricenter("snapshot", "restore", file, "--bump-revision", "5").errors.text.contains("--mark-compacted is needed"))
      let second: String = try await stores.start("second")
      #expect(try await stores.etcdctl(second, "get", "k/7") == "k/7\nvalue\n")
      #expect(try await stores.etcdctl(second, "get", "leased") == "leased\nx\n")
      #expect(try await stores.etcdctl(second, "get", "k/7", "--rev", "42").contains("has been compacted"))
      #expect(try await stores.etcdctl(second, "put", "k/7", "new", "-w", "json").contains("\"revision\":1000043"))
      let ids: [Substring] = try await [url, second].async { server in
        let text: String = try await stores.etcdctl(server, "endpoint", "status", "-w", "json")
        return text.split(separator: "\"cluster_id\":").dropFirst().first?.prefix { $0.isNumber } ?? ""
      }
      #expect(ids[0] != ids[1] && !ids[0].isEmpty)

      var bytes: Bytes = Bytes(readBytes(file))
      bytes[bytes.count / 2] ^= 1
      try writeBytes(bytes, to: "\(stores.folder)/damaged.db")
      let damaged: Command.Outcome = try await stores.tricenter(
        "snapshot", "restore", "\(stores.folder)/damaged.db", "--data-dir", "\(folder)-3")
      #expect(damaged.status == 1 && damaged.errors.text.contains("damaged"))
      let nowhere: Command.Outcome = try await stores.tricenter(
        "snapshot", "save", "--endpoints", "http://127.0.0.1:1", "--command-timeout", "1s", file)
      #expect(nowhere.status == 1 && nowhere.errors.text.hasPrefix("Error: ") && !nowhere.errors.text.contains("Swift"))
    }
  }

  @Test(.enabled(if: findProgram("etcd") != nil, "no etcd in PATH"))
  func `a running etcd's keys, revisions, history and leases go on here`() async throws {
    try await PlainStores.run { stores in
      let etcd: String = try await stores.startEtcd()
      try await stores.fill(etcd)
      for step in 0..<6 {
        _ = try await stores.etcdctl(etcd, "put", "h/\(step % 2)", "\(step)")
        if step == 3 { _ = try await stores.etcdctl(etcd, "del", "h/1") }
      }
      _ = try await stores.etcdctl(etcd, "compact", "44")
      let folder = "\(stores.folder)/moved"
      let moved: Command.Outcome = try await stores.tricenter(
        "migrate-from-etcd", "--endpoints", etcd, "--data-dir", folder, "--output", "json")
      #expect(moved.status == 0, "\(moved.errors.text)")
      #expect(moved.output.text.contains("\"format\":\"etcd\",\"revision\":49,\"compactRevision\":44"))
      #expect(access("\(folder).from-etcd.db", F_OK) != 0, "what was read is not left behind")
      let here: String = try await stores.start("moved")
      for revision in 44...49 {
        let arguments: [String] = ["get", "--prefix", "", "--rev", "\(revision)", "-w", "fields"]
        let (old, new): (String, String) = (try await stores.etcdctl(etcd, arguments), try await stores.etcdctl(here, arguments))
        #expect(PlainStores.fields(old) == PlainStores.fields(new) && old.contains("\"ModRevision\" : "), "revision \(revision)")
      }
      #expect(try await stores.etcdctl(here, "get", "h/0", "--rev", "43").contains("required revision has been compacted"))
      #expect(try await stores.etcdctl(here, "lease", "list") == stores.etcdctl(etcd, "lease", "list"))
      #expect(try await stores.etcdctl(here, "put", "h/0", "next", "-w", "json").contains("\"revision\":50"))
      let watch: [String] = ["--command-timeout=3s", "watch", "--prefix", "h/", "--rev", "45"]
      let (old, new): (String, String) = (try await stores.watch(etcd, watch), try await stores.watch(here, watch))
      #expect(new == old + "PUT\nh/0\nnext\n" && old.contains("DELETE\nh/1\n"))
      // From a file, and what is none.
      let file = "\(stores.folder)/etcd.db"
      _ = try await stores.etcdctl(etcd, "snapshot", "save", file)
      let status: String = try await stores.tricenter("snapshot", "status", file).output.text
      #expect(try await stores.etcdctl(etcd, "snapshot", "status", file) == status)
      let twice: Command.Outcome = try await stores.tricenter("migrate-from-etcd", file, "--data-dir", folder)
      #expect(twice.status == 1 && twice.errors.text.contains("is not empty"))
    }
  }

  @Test func `the store is checked with etcdctl's limits, and measured under etcd's names`() async throws {
    try await PlainStores.run { stores in
      let url: String = try await stores.start("checked", "--max-request-bytes", "1800000", "--max-txn-ops=300", "--max-wals", "5")
      let check: Command.Outcome = try await stores.tricenter(
        "check", "perf", "--endpoints", url, "--seconds", "1", "--auto-compact", "--auto-defrag")
      #expect([0, 4].contains(check.status) && check.output.text.contains("Slowest request took"), "\(check.errors.text)")
      #expect(try await stores.etcdctl(url, "get", "--prefix", "/etcdctl-check-perf/") == "")
      _ = try await stores.etcdctl(url, "put", "/etcdctl-check-perf/x", "y")
      #expect(try await stores.tricenter("check", "perf", "--endpoints", url).errors.text.contains("has keys"))
      // Limits go up, too.
      let operations: String = (0..<300).map { "put t/\($0) x" }.joined(separator: "\n")
      #expect(try await stores.etcdctl(url, input: "\n\(operations)\n\n\n", ["txn"]).contains("SUCCESS"))
      #expect(try await stores.etcdctl(url, input: "\n\(operations)\nput t/300 x\n\n\n", ["txn"]).contains("too many operations"))
      #expect(try await stores.etcdctl(url, input: String(repeating: "v", count: 1_700_000), ["put", "large"]) == "OK\n")
      #expect(
        try await stores.etcdctl(url, input: String(repeating: "v", count: 1_900_000), ["put", "large"]).contains("request is too large"))

      let granted: String = try await stores.etcdctl(url, "lease", "grant", "60")
      let lease = String(granted.split(separator: " ").dropFirst().first ?? "")
      _ = try await stores.etcdctl(url, "lease", "keep-alive", "--once", lease)
      _ = try await stores.etcdctl(url, "lease", "revoke", lease)
      let metrics: String = try await stores.curl("\(url)/metrics")
      for name in [
        "etcd_server_has_leader 1", "etcd_server_is_leader 1", "etcd_server_leader_changes_seen_total 1", "etcd_server_is_learner 0",
        "etcd_server_proposals_committed_total ", "etcd_server_proposals_applied_total ", "etcd_server_proposals_pending ",
        "etcd_server_proposals_failed_total ", "etcd_disk_wal_fsync_duration_seconds_bucket{le=", "etcd_mvcc_db_total_size_in_bytes ",
        "etcd_mvcc_db_total_size_in_use_in_bytes ", "etcd_debugging_mvcc_keys_total ", "etcd_debugging_mvcc_watcher_total 0",
        "etcd_debugging_mvcc_current_revision ", "etcd_debugging_mvcc_compact_revision ", "etcd_debugging_mvcc_events_total 0",
        "etcd_mvcc_put_total ", "etcd_mvcc_range_total ", "etcd_mvcc_txn_total ", "etcd_mvcc_delete_total ",
        "grpc_server_started_total{grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} ",
        "grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"Put\",",
        "grpc_server_msg_received_total{grpc_method=\"Put\",grpc_service=\"etcdserverpb.KV\",grpc_type=\"unary\"} ",
        "grpc_server_msg_sent_total{grpc_method=\"Put\",", "etcd_debugging_lease_granted_total 1", "etcd_debugging_lease_revoked_total 1",
        "etcd_debugging_lease_ttl_total_bucket{le=\"64.0\"} 1", "etcd_debugging_lease_ttl_total_bucket{le=\"32.0\"} 0",
        "etcd_debugging_lease_ttl_total_bucket{le=\"8388608.0\"} 1", "etcd_disk_wal_write_duration_seconds_count ",
        "etcd_debugging_mvcc_total_put_size_in_bytes ", "etcd_debugging_mvcc_db_compaction_last ", "etcd_debugging_auth_revision 1",
        "etcd_debugging_mvcc_watch_stream_total ", "etcd_mvcc_hash_duration_seconds_count ", "etcd_mvcc_hash_rev_duration_seconds_count ",
        "etcd_disk_backend_defrag_duration_seconds_count 1", "etcd_disk_defrag_inflight 0", "etcd_server_read_indexes_failed_total 0",
        "etcd_debugging_snap_save_total_duration_seconds_count ", "os_fd_used ", "os_fd_limit ", "process_virtual_memory_max_bytes ",
        "etcd_debugging_lease_renewed_total 1", "etcd_disk_wal_write_bytes_total ",
        "grpc_server_msg_received_total{grpc_method=\"LeaseKeepAlive\",grpc_service=\"etcdserverpb.Lease\",grpc_type=\"bidi_stream\"} 1",
        "grpc_server_handled_total{grpc_code=\"Canceled\",grpc_method=\"LeaseKeepAlive\",",
        "etcd_network_client_grpc_received_bytes_total ",
        "etcd_network_client_grpc_sent_bytes_total ", "etcd_server_quota_backend_bytes 2147483648",
        "etcd_cluster_version{cluster_version=\"3.6\"} 1",
        "etcd_server_version{server_version=\"3.6.0\"} 1", "process_resident_memory_bytes ", "process_open_fds ",
        "process_cpu_seconds_total ",
      ] { #expect(metrics.contains("\n" + name), "\(name)") }
      let sent: Substring = metrics.split(separator: "\netcd_network_client_grpc_sent_bytes_total ").last?.prefix { $0.isNumber } ?? ""
      #expect(Int(sent) ?? 0 > 1_000)

      // Durability is chosen through the gateway as through gRPC.
      let put: [String] = ["-X", "POST", "-d", "{\"key\":\"aw==\",\"value\":\"dg==\"}", "\(url)/v3/kv/put"]
      for header in ["tricenter-durability", "Grpc-Metadata-Tricenter-Durability"] {
        #expect(try await stores.curl(["-H", "\(header): center-safe"] + put).contains("\"revision\""))
        #expect(try await stores.curl(["-H", "\(header): nonsense"] + put).contains("must be center-safe, city-safe or auto"))
      }
      #expect(stores.log("checked").contains("--max-wals=5 changes nothing here"))
    }
  }
}

private func readBytes(_ path: String) -> Bytes { (try? Command("cat", path).runBlocking().output) ?? [] }

private func writeBytes(_ bytes: Bytes, to path: String) throws {
  let descriptor: Int32 = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  defer { close(descriptor) }
  guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
    throw TestTrouble("\(path) was not written whole.")
  }
}

extension Array {
  fileprivate func async<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
