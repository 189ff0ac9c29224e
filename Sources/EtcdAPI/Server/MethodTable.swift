import HTTP
import Keyspace
import NIOCore
import Primitives

/// etcd's services by path. A method of etcd's that is not served is refused by its name; anything else as gRPC refuses it.
struct MethodTable: Sendable {
  private enum Entry: Sendable {
    case unary(any UnaryMethod, AccessRule, MethodMetrics)
    case serverStream(any ServerStreamMethod, AccessRule, MethodMetrics)
    case watch(MethodMetrics)
    case keepAlive(MethodMetrics)
    case refused(String)
  }
  private let service: EtcdService
  private let entries: [String: Entry]

  init(_ service: EtcdService) {
    self.service = service
    let unary: [any UnaryMethod.Type] = [
      RangeMethod.self, PutMethod.self, DeleteRangeMethod.self, TxnMethod.self, CompactMethod.self,
      LeaseGrantMethod.self, LeaseRevokeMethod.self, LeaseTimeToLiveMethod.self, LeaseLeasesMethod.self,
      MemberListMethod.self, MemberAddMethod.self, MemberRemoveMethod.self, MemberUpdateMethod.self, MemberPromoteMethod.self,
      StatusMethod.self, AlarmMethod.self, HashKVMethod.self, MoveLeaderMethod.self,
      HashMethod.self, DefragmentMethod.self, DowngradeMethod.self, LockMethod.self, UnlockMethod.self, CampaignMethod.self,
      ProclaimMethod.self, LeaderMethod.self, ResignMethod.self, HealthCheckMethod.self,
    ]
    let streams: [any ServerStreamMethod.Type] = [
      SnapshotMethod.self, RangeStreamMethod.self, ObserveMethod.self, HealthWatchMethod.self,
    ]
    var entries: [String: Entry] = [:]
    func add(_ path: String, _ method: any UnaryMethod) {
      entries[path] = .unary(method, AccessRule.of(path), service.metrics.method(path, type: "unary"))
    }
    for method in unary { add(method.path, method.init(service)) }
    for (name, handler) in AuthMethod.handlers { add("/etcdserverpb.Auth/\(name)", AuthMethod(service, handler)) }
    for method in streams {
      entries[method.path] = .serverStream(
        method.init(service), AccessRule.of(method.path), service.metrics.method(method.path, type: "server_stream"))
    }
    entries[WatchStream.path] = .watch(service.metrics.method(WatchStream.path, type: "bidi_stream"))
    entries[LeaseKeepAliveStream.path] = .keepAlive(service.metrics.method(LeaseKeepAliveStream.path, type: "bidi_stream"))
    self.entries = entries
  }

  func handler(for path: String) -> (any GRPCCallHandler)? {
    switch entries[path] {
    case .unary(let method, let rule, let metrics): return UnaryCall(method, rule, metrics, service)
    case .serverStream(let method, let rule, let metrics): return ServerStreamCall(method, rule, metrics, service)
    case .watch(let metrics): return WatchStream(service, StreamTally(metrics))
    case .keepAlive(let metrics):
      let tally = StreamTally(metrics)
      return GuardedStream(LeaseKeepAliveStream(service, tally), AccessRule.of(LeaseKeepAliveStream.path), tally, service)
    case .refused(let name): return RefusedCall(name)
    case nil: return nil
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
