import HTTP
import Keyspace
import Primitives

/// gRPC's own health service (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), which etcd serves beside its own for load
/// balancers and probes: only the server as a whole (`service` empty) is known, and it serves while it knows a leader.
enum HealthCheck {
  static func service(_ request: ProtobufReader) throws -> String {
    var reader: ProtobufReader = request
    var service: String = ""
    while let field = try reader.next() {
      if field.number == 1 { service = try reader.string(field) } else { try reader.skip(field) }
    }
    return service
  }

  /// SERVING and NOT_SERVING.
  static func status(_ service: EtcdService) -> Int32 { service.directory.leader == nil ? 2 : 1 }
}

struct HealthCheckMethod: UnaryMethod {
  static let path: String = "/grpc.health.v1.Health/Check"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    guard try HealthCheck.service(request).isEmpty else { throw GRPCStatus(.notFound, "unknown service") }
    call.answer { $0.int32(1, HealthCheck.status(service)) }
  }
}

struct HealthWatchMethod: ServerStreamMethod {
  static let path: String = "/grpc.health.v1.Health/Watch"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  /// The state at once, and each time it changes, looked at four times a second.
  func prepare(_ request: ProtobufReader, _ credentials: Credentials) throws -> @Sendable (StreamSink) async throws -> Void {
    let (service, known): (EtcdService, Bool) = (service, try HealthCheck.service(request).isEmpty)
    return { sink in
      var last: Int32?
      while true {
        // SERVICE_UNKNOWN, which may change, says the protocol.
        let status: Int32 = known ? HealthCheck.status(service) : 3
        if status != last {
          last = status
          try await sink.send { $0.int32(1, status) }
        }
        try await Task.sleep(for: .milliseconds(250))
      }
    }
  }
}
