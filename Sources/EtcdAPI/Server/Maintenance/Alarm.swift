import HTTP
import Keyspace
import Primitives

/// This store raises no alarms of its own kind: GET and DEACTIVATE answer that none is active.
struct AlarmMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Maintenance/Alarm"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var action: Int32 = 0
    while let field = try reader.next() {
      if field.number == 1 { action = try reader.int32(field) } else { try reader.skip(field) }
    }
    if action == 1 { throw EtcdError.unsupported("Alarm with action ACTIVATE") }
    call.answer { service.header().encode(&$0) }
  }
}
