import ArgumentParser
import EtcdAPI
import Glibc
import Keyspace
import KubeModel
import Logging
import NIOCore
import NIOPosix
import Observability
import Primitives
import Processes
import Store

/// A backup is one only if it can be restored: this does it, in a place of its own.
struct StoreSnapshotVerify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Restore a snapshot into a folder of its own, start a member there that nobody reaches, and compare all that it answers.",
    discussion: """
      The running store is not asked and not touched. With --namespace the Kubernetes objects of that namespace are printed as the restored \
      member has them (JSON), without those that controllers make. Exit code 0: everything that is in the file came back. 1: not.
      """)
  @Option(help: "The folder to restore into: empty or new. Removed afterwards.") var dataDir: String
  @Flag(help: "Leave the folder.") var keep: Bool = false
  @Option(help: "Print the objects of this namespace.") var namespace: String?
  @Flag(help: "Take a snapshot although its checksum is missing or wrong (an etcd's only).") var skipHashCheck: Bool = false
  @OptionGroup var form: StoreOutputOptions
  @Argument(help: "The file.") var file: String

  func run() async throws {
    try await saying {
      Logs.bootstrap(level: .error)
      let clock = SystemClock()
      let began: MonotonicTime = clock.now()
      let saved: SavedStore = try SavedStore(path: file, skipHashCheck: skipHashCheck) { _ in }
      let rehearsal = SnapshotRehearsal(saved: saved, directory: dataDir)
      let found: SnapshotRehearsal.Found = try await rehearsal.run()
      if !keep { _ = try await Command(["rm", "-rf", "--one-file-system", dataDir], timeout: .seconds(60)).outcome() }
      let objects: [KubeObject] = namespace.map { SnapshotObjects.objects(found.pairs, namespace: $0) } ?? []
      let milliseconds: Int64 = (clock.now() - began).inNanoseconds / 1_000_000
      switch form.output {
      case .json:
        printJSON([
          "file": .string(file), "hash": .int(Int64(saved.hash)), "revision": .int(saved.revision), "keys": .int(Int64(found.pairs.count)),
          "different": .array(found.different.prefix(100).map { .string($0) }), "milliseconds": .int(milliseconds),
          "objects": .array(objects.map(\.json)),
        ])
      case .simple, .table:
        printLine(
          "\(found.pairs.count) keys at revision \(found.revision) came back in \(milliseconds) ms, \(found.different.count) of them not as saved"
        )
        for object in objects { printLine("\(object.kind) \(object.key)") }
      }
      guard found.different.isEmpty else {
        throw SnapshotMismatch(
          description:
            "\(found.different.count) keys did not come back as they are in \(file): \(found.different.prefix(5).joined(separator: ", "))")
      }
    }
  }
}

struct SnapshotMismatch: Error, CustomStringConvertible { let description: String }

/// A member of its own, alone and without listeners, that begins with a snapshot.
struct SnapshotRehearsal {
  struct Found {
    var revision: Int64
    var pairs: [KeyValue]
    /// Keys that differ between the file and what the member answers.
    var different: [String]
  }
  let saved: SavedStore
  let directory: String
  private static let page: Int64 = 1_000

  func run() async throws -> Found {
    let keyspace: Keyspace = try saved.keyspace.renewed()
    let id: MemberID = StoreIdentity.memberID(federation: "rehearsal", host: "alone")
    let configuration = StoreConfiguration(
      memberID: id, clusterID: StoreIdentity.clusterID(federation: "rehearsal", restoredFrom: saved.fingerprint),
      members: [StoreMember(id: id, name: "alone", center: "rehearsal")], directory: directory)
    try Store.restore(keyspace, configuration: configuration)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let store = try Store(single: configuration, eventLoop: group.next(), logger: Logger(label: "rehearsal"))
    try await store.start()
    do {
      let answered: [KeyValue] = try await all { try await store.range($0) }
      let expected: [KeyValue] = try await all { try keyspace.range($0) }
      await store.stop()
      try? await group.shutdownGracefully()
      return Found(revision: keyspace.revision, pairs: answered, different: Self.differences(expected, answered))
    } catch {
      await store.stop()
      try? await group.shutdownGracefully()
      throw error
    }
  }

  /// Page by page, so that no answer is longer than one may be.
  private func all(_ range: (RangeRequest) async throws -> RangeResponse) async throws -> [KeyValue] {
    var pairs: [KeyValue] = []
    var first: Bytes = [0]
    while true {
      var request = RangeRequest(KeyRange(key: first, end: [0]))
      request.limit = Self.page
      let answer: RangeResponse = try await range(request)
      pairs += answer.keyValues
      guard answer.more, let last: KeyValue = answer.keyValues.last else { return pairs }
      first = last.key + [0]
    }
  }

  static func differences(_ expected: [KeyValue], _ answered: [KeyValue]) -> [String] {
    let (one, other): ([Bytes: KeyValue], [Bytes: KeyValue]) = (byKey(expected), byKey(answered))
    return Set(one.keys).union(other.keys).filter { one[$0] != other[$0] }.map(\.text).sorted()
  }
  private static func byKey(_ pairs: [KeyValue]) -> [Bytes: KeyValue] {
    Dictionary(pairs.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

/// Kubernetes objects among a store's keys.
enum SnapshotObjects {
  /// Of a namespace, in the order of their keys; what has an owner, or is made by controllers for every namespace, is left out.
  static func objects(_ pairs: [KeyValue], namespace: String) -> [KubeObject] {
    let made: Set<String> = ["Pod", "ReplicaSet", "Endpoints", "EndpointSlice", "Event", "Lease"]
    return pairs.compactMap { pair -> KubeObject? in
      guard pair.value.first == UInt8(ascii: "{"), let json: JSONValue = try? JSONValue.parse(pair.value) else { return nil }
      var object = KubeObject(json)
      guard !object.kind.isEmpty, !object.apiVersion.isEmpty, object.namespace == namespace, !made.contains(object.kind),
        object.metadata["ownerReferences"].array.isEmpty
      else { return nil }
      if object.kind == "ConfigMap", object.name == "kube-root-ca.crt" { return nil }
      if object.kind == "ServiceAccount", object.name == "default" { return nil }
      object.json["metadata"]["resourceVersion"] = .string(String(pair.modRevision))
      return object
    }
  }
}
