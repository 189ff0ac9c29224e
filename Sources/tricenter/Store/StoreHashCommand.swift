import ArgumentParser
import EtcdAPI
import Keyspace
import KubeModel
import Logging
import Observability
import Primitives

struct StoreHashCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hashkv", abstract: "Ask members for the hash of their keys, all up to the same revision, and compare.",
    discussion: """
      Without --rev it is the newest revision that every member asked has applied. Ends with status 1 if members that compacted up to \
      the same revision differ: then one of them is corrupt. Members of this store agree among each other; an etcd's numbers are others.
      """)
  @OptionGroup var endpoint: EndpointOptions
  @Option(help: "Up to this revision; 0: see above.") var rev: Int64 = 0
  @Flag(help: "Ask every member of the cluster, as the first of --endpoints knows them.") var cluster: Bool = false
  @OptionGroup var form: StoreOutputOptions

  private struct Row {
    var endpoint: String
    var status: EtcdStore.EndpointStatus
    var hash: KeyHash
  }

  func run() async throws {
    try await saying {
      Logs.bootstrap(level: .error)
      let rows: [Row] = try await ask()
      switch form.output {
      case .simple: for row in rows { printLine("\(row.endpoint), \(row.hash.hash), \(row.hash.revision)") }
      case .table:
        printTable(
          ["ENDPOINT", "HASH", "HASH REVISION", "COMPACT REVISION"],
          rows.map { [$0.endpoint, "\($0.hash.hash)", "\($0.hash.revision)", "\($0.hash.compactRevision)"] })
      case .json: printJSON(.array(rows.map { Self.json($0) }))
      }
      let groups: [Int64: Set<UInt32>] = rows.reduce(into: [:]) { $0[$1.hash.compactRevision, default: []].insert($1.hash.hash) }
      if groups.values.contains(where: { $0.count > 1 }) {
        throw KeyspaceError(
          .malformed, "members differ at the same revision: at least one of them is corrupt. Compare three or more to see which")
      }
      if groups.count > 1 {
        printError("Note: members have compacted up to different revisions, so their hashes cannot be compared. Ask again.")
      }
    }
  }

  private func ask() async throws -> [Row] {
    var names: [String] = try endpoint.names()
    if cluster {
      names = try await endpoint.store(names[0]).members().flatMap { $0.clientURLs.prefix(1) }
      guard !names.isEmpty else { throw KeyspaceError(.memberNotFound, "no member says where clients reach it") }
    }
    var stores: [(name: String, store: EtcdStore, status: EtcdStore.EndpointStatus)] = []
    for name in names {
      do {
        let store: EtcdStore = try await endpoint.store(name)
        stores.append((name, store, try await store.status()))
      } catch let fault as KeyspaceError {
        throw KeyspaceError(fault.code, "\(name): \(fault.message)")
      }
    }
    let revision: Int64 = rev > 0 ? rev : stores.reduce(.max) { min($0, $1.status.revision) }
    var rows: [Row] = []
    for (name, store, status) in stores {
      rows.append(Row(endpoint: name, status: status, hash: try await store.hashKeys(revision: revision)))
    }
    return rows
  }

  /// As `etcdctl endpoint hashkv -w json`.
  private static func json(_ row: Row) -> JSONValue {
    [
      "Endpoint": .string(row.endpoint),
      "HashKV": [
        "header": [
          "cluster_id": .string(String(row.status.clusterID)), "member_id": .string(String(row.status.memberID)),
          "revision": .int(row.status.revision), "raft_term": .int(Int64(clamping: row.status.raftTerm)),
        ],
        "hash": .int(Int64(row.hash.hash)), "compact_revision": .int(row.hash.compactRevision), "hash_revision": .int(row.hash.revision),
      ],
    ]
  }
}
