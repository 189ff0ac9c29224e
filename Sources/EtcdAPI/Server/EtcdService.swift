import HTTP
import Keyspace
import Logging
import NIOCore
import Primitives

/// What every method of one server shares.
final class EtcdService: Sendable {
  /// The version of etcd whose contract this is: clients decide by it what they may ask for.
  static let version: String = "3.6.0"

  let store: any KeyValueStore
  let loopStore: (any LoopStore)?
  let directory: any MemberDirectory
  let logger: Logger

  init(store: any KeyValueStore, directory: any MemberDirectory, logger: Logger) {
    self.store = store
    loopStore = store as? any LoopStore
    self.directory = directory
    self.logger = logger
  }

  /// `revision`: the one that the request was served at; nil where only the newest is known.
  func header(revision: Int64? = nil) -> ResponseHeader {
    ResponseHeader(
      clusterID: directory.clusterID, memberID: directory.memberID.value, revision: revision ?? directory.revision,
      raftTerm: directory.raftTerm)
  }
}
