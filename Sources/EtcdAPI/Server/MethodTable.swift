import HTTP
import Keyspace
import NIOCore
import Primitives

/// etcd's services by path. A method of etcd's that is not served is refused by its name; anything else as gRPC refuses it.
struct MethodTable: Sendable {
  private enum Entry: Sendable {
    case unary(any UnaryMethod)
    case watch
    case keepAlive
    case refused(String)
  }
  private let service: EtcdService
  private let entries: [String: Entry]

  init(_ service: EtcdService) {
    self.service = service
    let unary: [any UnaryMethod.Type] = [
      RangeMethod.self, PutMethod.self, DeleteRangeMethod.self, TxnMethod.self, CompactMethod.self,
      LeaseGrantMethod.self, LeaseRevokeMethod.self, LeaseTimeToLiveMethod.self, LeaseLeasesMethod.self,
      MemberListMethod.self, StatusMethod.self, AlarmMethod.self, HashKVMethod.self, MoveLeaderMethod.self,
    ]
    var entries: [String: Entry] = [:]
    for method in unary { entries[method.path] = .unary(method.init(service)) }
    entries[WatchStream.path] = .watch
    entries[LeaseKeepAliveStream.path] = .keepAlive
    for (name, answer) in AuthMethod.answers { entries["/etcdserverpb.Auth/\(name)"] = .unary(AuthMethod(service, answer)) }
    for name in ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"] { entries["/etcdserverpb.Cluster/\(name)"] = .refused(name) }
    for name in ["Defragment", "Hash", "Snapshot", "Downgrade"] { entries["/etcdserverpb.Maintenance/\(name)"] = .refused(name) }
    for name in ["Lock", "Unlock"] { entries["/v3lockpb.Lock/\(name)"] = .refused(name) }
    for name in ["Campaign", "Proclaim", "Leader", "Observe", "Resign"] { entries["/v3electionpb.Election/\(name)"] = .refused(name) }
    self.entries = entries
  }

  func handler(for path: String) -> (any GRPCCallHandler)? {
    switch entries[path] {
    case .unary(let method): UnaryCall(method, service)
    case .watch: WatchStream(service)
    case .keepAlive: LeaseKeepAliveStream(service)
    case .refused(let name): RefusedCall(name)
    case nil: nil
    }
  }
}

/// Refuses as soon as the call begins to speak.
final class RefusedCall: GRPCCallHandler {
  private let name: String
  init(_ name: String) { self.name = name }
  func onMessage(_ message: ByteBuffer, _ call: GRPCCall) { call.finish(EtcdError.unsupported(name)) }
  func onHalfClose(_ call: GRPCCall) { call.finish(EtcdError.unsupported(name)) }
}
