import HTTP
import Keyspace
import Primitives

/// No other version of etcd reads what this store keeps, so no target is valid; told in etcd's form.
struct DowngradeMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Maintenance/Downgrade"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var (action, version): (Int32, String) = (0, "")
    while let field = try reader.next() {
      switch field.number {
      case 1: action = try reader.int32(field)
      case 2: version = try reader.string(field)
      default: try reader.skip(field)
      }
    }
    switch action {
    case 0, 1: throw Self.isVersion(version) ? GRPCStatus.invalidDowngradeTarget : GRPCStatus.wrongDowngradeFormat
    // There is never one to cancel, which etcd 3.6 answers like this.
    case 2:
      call.answer { writer in
        service.header().encode(&writer)
        writer.string(2, EtcdService.version)
      }
    default: throw GRPCStatus(.unknown, "etcdserver: unknown method")
    }
  }

  /// `3.5` or `3.5.0`.
  private static func isVersion(_ text: String) -> Bool {
    let parts: [Substring] = text.split(separator: ".", omittingEmptySubsequences: false)
    return (2...3).contains(parts.count)
      && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } && $0.count < 10 }
  }
}
