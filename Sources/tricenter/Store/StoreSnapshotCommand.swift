import ArgumentParser
import EtcdAPI
import Keyspace
import KubeModel
import Logging
import Observability
import Primitives
import Site
import Store
import TLS

struct StoreSnapshotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Save the store to a file, look at such a file, begin a cluster with it.",
    subcommands: [Save.self, Status.self, StoreSnapshotVerify.self, Restore.self])

  struct Save: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Save what one member holds.",
      discussion:
        "The file has mode 0600: users' password hashes and everything else are in it. Its SHA-256 is checked before it gets its name.")
    @OptionGroup var endpoint: EndpointOptions
    @OptionGroup var form: StoreOutputOptions
    @Option(help: "(ours) Not faster than so many bytes a second, such as 8MiB.") var rate: String?
    @Argument(help: "The file to write.") var file: String

    func run() async throws {
      try await saying {
        Logs.bootstrap(level: .error)
        let names: [String] = try endpoint.names()
        guard names.count == 1 else {
          throw ValidationFault("a snapshot is one member's: give one of --endpoints \(names.joined(separator: ","))")
        }
        let store: EtcdStore = try await endpoint.store(names[0])
        let progress = Progress()
        let limit: Int? = rate.map { StorePolicy.rate($0) } ?? 0
        guard let limit else { throw ValidationFault("--rate \(rate ?? "") is no rate such as 8MiB") }
        let saved: SavedSnapshot = try await store.saveSnapshot(to: file, bytesPerSecond: limit) { done, remaining in
          progress.show("\(humanBytes(done)) of \(humanBytes(done + remaining)) saved")
        }
        progress.end()
        let sum: String = Hexadecimal.encode(saved.sha256)
        switch form.output {
        case .json:
          printJSON(["file": .string(file), "bytes": .int(Int64(saved.bytes)), "sha256": .string(sum), "version": .string(saved.version)])
        case .simple, .table:
          printLine("Snapshot saved at \(file)")
          printError("\(humanBytes(saved.bytes)), SHA-256 \(sum)\(saved.version.isEmpty ? "" : ", server version \(saved.version)")")
        }
      }
    }
  }

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a snapshot and say what is in it.", discussion: "Reads this store's snapshots and etcd's.")
    @Flag(help: "Do not insist on the checksum of an etcd's database (one that was copied from a member's folder has none).")
    var skipHashCheck: Bool = false
    @OptionGroup var form: StoreOutputOptions
    @Argument(help: "The file.") var file: String

    func run() async throws {
      try await saying {
        let progress = Progress()
        let saved: SavedStore = try SavedStore(path: file, skipHashCheck: skipHashCheck) { progress.show("\($0) entries read") }
        progress.end()
        let hash = String(saved.hash, radix: 16)
        switch form.output {
        case .simple: printLine("\(hash), \(saved.revision), \(saved.totalKeys), \(humanBytes(saved.totalBytes))")
        case .table:
          printTable(
            ["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"],
            [[hash, "\(saved.revision)", "\(saved.totalKeys)", humanBytes(saved.totalBytes)]])
        case .json:
          printJSON([
            "hash": .int(Int64(saved.hash)), "revision": .int(saved.revision), "totalKey": .int(Int64(saved.totalKeys)),
            "totalSize": .int(Int64(saved.totalBytes)), "compactRevision": .int(saved.keyspace.compactedRevision),
            "leases": .int(Int64(saved.keyspace.leases.count)), "format": .string(saved.format.rawValue),
          ])
        }
      }
    }
  }

  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a member's folder that begins with a snapshot, in a cluster of its own.",
      discussion: """
        Run it once per member with the same snapshot, --initial-cluster and --initial-cluster-token, then start the members \
        with these very flags. The new cluster has an id of its own, so members of the old one are strangers to it. Leases, users and roles come along; members, \
        degraded cities and rules of durability belong to the old cluster and do not. An etcd's snapshot is taken, too.
        """)
    @OptionGroup var member: NewMemberOptions
    @Flag(help: "Take a snapshot although its checksum is missing or wrong (an etcd's only).") var skipHashCheck: Bool = false
    @Option(help: "Revisions to pass over, so that clients that saw later ones are told to list again; needs --mark-compacted.")
    var bumpRevision: Int64 = 0
    @Flag(help: "Compact everything before the new revision away.") var markCompacted: Bool = false
    @OptionGroup var form: StoreOutputOptions
    @Argument(help: "The file.") var file: String

    func run() async throws {
      try await saying {
        Logs.bootstrap(level: .error)
        guard bumpRevision >= 0 else { throw ValidationFault("--bump-revision=\(bumpRevision) is negative") }
        guard (bumpRevision > 0) == markCompacted else {
          throw ValidationFault("--mark-compacted is needed with --bump-revision, and taken with it only")
        }
        let plan: NewMemberPlan = try member.plan()
        let progress = Progress()
        let saved: SavedStore = try SavedStore(path: file, skipHashCheck: skipHashCheck) { progress.show("\($0) entries read") }
        let keyspace: Keyspace = try saved.keyspace.renewed(bumpRevision: bumpRevision)
        progress.show("writing \(plan.directory)")
        try plan.write(keyspace, of: saved)
        progress.end()
        plan.report(keyspace, of: saved, remarks: saved.remarks, form.output)
      }
    }
  }
}
