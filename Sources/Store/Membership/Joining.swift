import Journal
import Keyspace
import NIOCore
import Primitives
import SiteLink

/// How a member that was added at run time learns who it is (etcd `--initial-cluster-state existing`): it knows where it will be reached,
/// asks any of the others for the list of members, and finds itself in it by its address. The answer is kept in its folder.
extension StoreConfiguration {
  /// What a store of the federation is told that asks who the members are.
  static func introduction(clusterID: UInt64, _ records: [MemberRecord]) -> Bytes {
    var writer = ByteWriter()
    writer.byte(1)
    writer.fixed64(clusterID)
    writer.block(KeyspaceCommand.cluster(.adopt(records)).encode())
    return writer.take()
  }

  static func readIntroduction(_ bytes: Bytes) throws -> (clusterID: UInt64, records: [MemberRecord]) {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == 1 else { throw reader.malformed("list of members of version \(version): upgrade this member") }
    let clusterID: UInt64 = try reader.fixed64()
    guard case .cluster(.adopt(let records)) = try KeyspaceCommand.decode(try reader.block()) else {
      throw reader.malformed("no list of members")
    }
    return (clusterID, records)
  }

  /// The configuration of a member that joins a running cluster, or joined it earlier with this folder.
  /// - Parameters:
  ///   - seeds: members that are asked, in this order, until one answers. Not asked once the folder knows.
  ///   - member: this member as it wants to be known: name, center, city, priority, where peers and clients reach it. Its id does not
  ///     matter; its peer address must be the one that it was added with.
  /// - Throws: `StoreError` `.cannotJoin`: nobody answered, or nobody added this address.
  public static func joining(
    _ member: StoreMember, seeds: [(host: String, port: Int)], tls: LinkTLS, directory: String, eventLoop: any EventLoop
  ) async throws -> StoreConfiguration {
    let identity = IdentityFile(directory)
    if let known: Bytes = try identity.read() { return try configuration(member, try readIntroduction(known), directory) }
    var reasons: [String] = []
    for seed in seeds {
      do {
        let answer: Bytes = try await SiteLink.ask(host: seed.host, port: seed.port, tls: tls, eventLoop: eventLoop)
        let result: StoreConfiguration = try configuration(member, try readIntroduction(answer), directory)
        try identity.write(answer)
        return result
      } catch {
        reasons.append("\(seed.host):\(seed.port): \((error as? StoreError)?.message ?? "\(error)")")
      }
    }
    throw StoreError(
      .cannotJoin, "no member tells who this one at \(member.peerURL) is. Add it first (etcdctl member add), then start it. \(reasons)")
  }

  /// The configuration of a member whose folder says who it is: it joined a running cluster, or was restored from a snapshot. nil: the
  /// folder says nothing, or is not there.
  /// - Throws: `StoreError` `.damaged`, `.cannotJoin` if it is reached elsewhere now.
  public static func remembered(_ member: StoreMember, directory: String) throws -> StoreConfiguration? {
    guard holdsMember(directory), let known: Bytes = try IdentityFile(directory).read() else { return nil }
    return try configuration(member, try readIntroduction(known), directory)
  }

  /// Whether a member has been started with this folder.
  public static func holdsMember(_ directory: String) -> Bool {
    do throws(JournalError) {
      return try PosixDisk(directory).list().contains { !$0.hasPrefix(".") && $0 != "LOCK" }
    } catch {
      // Not there yet, or a disk that says more when the journal is opened.
      return false
    }
  }

  private static func configuration(
    _ member: StoreMember, _ known: (clusterID: UInt64, records: [MemberRecord]), _ directory: String
  ) throws(StoreError) -> StoreConfiguration {
    let own: MemberRecord? = known.records.first { record in
      record.peerURLs.contains { url in PeerURL.parse(url).map { $0.host == member.peerHost && $0.port == member.peerPort } ?? false }
    }
    guard let own else {
      throw StoreError(
        .cannotJoin, "none of the members \(known.records.map(\.peerURLs)) is reached at \(member.peerURL): add it with this very address")
    }
    var local: StoreMember = member
    local.id = own.id
    local.role = own.role == .voter ? .voter : .learner
    let others: [StoreMember] = known.records.filter { $0.id != own.id }.map { StoreMember($0) }
    var configuration = StoreConfiguration(
      memberID: own.id, clusterID: known.clusterID, members: others + [local], directory: directory)
    configuration.start = .existing
    return configuration
  }
}

/// `identity` in a member's folder: what it was told when it joined, with a checksum in front.
struct IdentityFile {
  private static let name: String = "identity"
  private let disk: PosixDisk

  init(_ directory: String) {
    disk = PosixDisk(directory)
  }

  /// nil: there is none.
  func read() throws -> Bytes? {
    try locked {
      do { return try CheckedFile(name: Self.name).read(disk) } catch let error as StoreError {
        throw StoreError(.damaged, "\(error.message): remove it, and this member asks the others again")
      }
    }
  }

  func write(_ content: Bytes) throws {
    try locked { try CheckedFile(name: Self.name).write(content, disk) }
  }

  private func locked<Value>(_ body: () throws -> Value) throws -> Value {
    try disk.lock()
    defer { disk.unlock() }
    return try body()
  }
}
