import ArgumentParser
import EtcdAPI
import Keyspace
import KubeModel
import Primitives
import Store
import TLS

/// Which member of which new cluster a folder is made for: the flags that etcdutl's `snapshot restore` takes, and that the member is
/// started with afterwards.
struct NewMemberOptions: ParsableArguments {
  @Option(help: "The member's name.") var name: String = "default"
  @Option(help: "The folder to make; NAME.etcd by default.") var dataDir: String?
  @Option(help: "NAME=URL of every member, by commas; by default the one alone at --initial-advertise-peer-urls.") var initialCluster:
    String?
  @Option(help: "Tells clusters apart that have the same members.") var initialClusterToken: String = "etcd-cluster"
  @Option(help: "Where the others reach this member.") var initialAdvertisePeerUrls: String = "http://localhost:2380"
  @Option(help: "(ours) The site file that says in which center each member is.") var site: String?

  func plan() throws -> NewMemberPlan {
    var arguments: [String] = [
      "--name=\(name)", "--initial-cluster-token=\(initialClusterToken)", "--initial-advertise-peer-urls=\(initialAdvertisePeerUrls)",
    ]
    if let dataDir { arguments.append("--data-dir=\(dataDir)") }
    if let initialCluster { arguments.append("--initial-cluster=\(initialCluster)") }
    if let site { arguments.append("--site=\(site)") }
    let flags = try EtcdFlags(arguments, environment: [:])
    let listed: [(name: String, url: EndpointURL)] = try StorePlan.initialCluster(flags)
    if initialCluster != nil, let own: EndpointURL = listed.first(where: { $0.name == name })?.url {
      let advertised: [EndpointURL] = try flags.urls("initial-advertise-peer-urls")
      guard advertised.contains(own) else {
        throw ValidationFault(
          "--initial-cluster has \(name) at another URL than --initial-advertise-peer-urls=\(initialAdvertisePeerUrls): they must be the same"
        )
      }
    }
    let members: [StoreMember] = try StorePlan.members(flags, listed, center: nil)
    return NewMemberPlan(name: name, token: initialClusterToken, directory: StorePlan.folder(flags), members: members, flags: arguments)
  }
}

struct NewMemberPlan {
  let name: String
  let token: String
  let directory: String
  let members: [StoreMember]
  let flags: [String]

  private func clusterID(_ saved: SavedStore) -> UInt64 { StoreIdentity.clusterID(federation: token, restoredFrom: saved.fingerprint) }
  private var memberID: MemberID { StoreIdentity.memberID(federation: token, host: HostName(name)) }

  /// Refuses a folder with anything in it.
  func write(_ keyspace: Keyspace, of saved: SavedStore) throws {
    try Store.restore(
      keyspace,
      configuration: StoreConfiguration(memberID: memberID, clusterID: clusterID(saved), members: members, directory: directory))
  }

  func report(_ keyspace: Keyspace, of saved: SavedStore, remarks: [String], _ output: StoreOutput) {
    let (member, cluster): (String, String) = (String(memberID.value, radix: 16), String(clusterID(saved), radix: 16))
    switch output {
    case .json:
      printJSON([
        "dataDir": .string(directory), "name": .string(name), "memberID": .string(member), "clusterID": .string(cluster),
        "format": .string(saved.format.rawValue), "revision": .int(keyspace.revision), "compactRevision": .int(keyspace.compactedRevision),
        "keys": .int(Int64(keyspace.keyCount)), "leases": .int(Int64(keyspace.leases.count)),
        "remarks": .array(remarks.map { .string($0) }),
      ])
    case .simple, .table:
      let facts: [(String, String)] = [
        ("DATA DIR", directory), ("NAME", name), ("MEMBER ID", member), ("CLUSTER ID", cluster), ("REVISION", "\(keyspace.revision)"),
        ("COMPACTED", "\(keyspace.compactedRevision)"), ("KEYS", "\(keyspace.keyCount)"), ("LEASES", "\(keyspace.leases.count)"),
      ]
      if output == .table {
        printTable(facts.map(\.0), [facts.map(\.1)])
      } else {
        printLine(facts.map { "\($0.0.lowercased()): \($0.1)" }.joined(separator: "\n"))
      }
      for remark in remarks { printError("Note: \(remark)") }
      printError("Start it with: tricenter store \(flags.joined(separator: " "))")
    }
  }
}

/// An error as one sentence, with what caused it.
func sentence(of error: any Error) -> String {
  switch error {
  case let fault as KeyspaceError: fault.message
  case let fault as StoreError: fault.message + (fault.cause.map { ": \(sentence(of: $0))" } ?? "")
  default: "\(error)"
  }
}
