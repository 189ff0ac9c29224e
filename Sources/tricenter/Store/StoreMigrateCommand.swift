import ArgumentParser
import EtcdAPI
import Glibc
import Keyspace
import Logging
import Observability
import Primitives

struct StoreMigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate-from-etcd", abstract: "Make a member's folder of what an etcd holds, under the same revisions.",
    discussion: """
      Reads a running etcd (--endpoints) or a file that `etcdctl snapshot save` wrote. Keys keep create and mod revision, version and \
      lease; earlier versions come along as far as etcd still has them; the store goes on from etcd's revision, so watches and lists that clients \
      began there go on here. Users, roles, passwords and permissions come along. What is written to etcd afterwards does not: \
      stop its writers, or make it read only, first. For several members save one snapshot and run this once per member with that file.
      """)
  @OptionGroup var endpoint: EndpointOptions
  @OptionGroup var member: NewMemberOptions
  @Flag(help: "Take a file although its checksum is missing or wrong (one that was copied from a stopped member's folder has none).")
  var skipHashCheck: Bool = false
  @OptionGroup var form: StoreOutputOptions
  @Argument(help: "A snapshot file; without one the etcd at --endpoints is read.") var file: String?

  func run() async throws {
    try await saying {
      Logs.bootstrap(level: .error)
      let plan: NewMemberPlan = try member.plan()
      let progress = Progress()
      let path: String = file ?? "\(plan.directory).from-etcd.db"
      // It holds every secret that the keys hold.
      defer { if file == nil { unlink(path) } }
      if file == nil { try await fetch(to: path, progress) }
      let saved: SavedStore = try SavedStore(path: path, skipHashCheck: skipHashCheck) { progress.show("\($0) entries read") }
      guard saved.format == .etcd else {
        throw ValidationFault("that is a snapshot of this store, not of an etcd: use `tricenter store snapshot restore`")
      }
      progress.show("writing \(plan.directory)")
      try plan.write(saved.keyspace, of: saved)
      progress.end()
      plan.report(saved.keyspace, of: saved, remarks: saved.remarks, form.output)
    }
  }

  private func fetch(to path: String, _ progress: Progress) async throws {
    let names: [String] = try endpoint.names()
    guard names.count == 1 else {
      throw ValidationFault("one member is read, the one that knows most: give one of --endpoints \(names.joined(separator: ","))")
    }
    try await endpoint.store(names[0]).saveSnapshot(to: path) { done, remaining in
      progress.show("\(humanBytes(done)) of \(humanBytes(done + remaining)) read from \(names[0])")
    }
  }
}
