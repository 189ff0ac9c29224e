import HTTP
import Keyspace
import Primitives

/// GET asks for a user, the other actions for the root role.
struct AlarmMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Maintenance/Alarm"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var (action, kind): (Int32, Int32) = (0, 0)
    var member: UInt64 = 0
    while let field = try reader.next() {
      switch field.number {
      case 1: action = try reader.int32(field)
      case 2: member = try reader.uint64(field)
      case 3: kind = try reader.int32(field)
      default: try reader.skip(field)
      }
    }
    let service: EtcdService = service
    guard action == 1 || action == 2 else {
      try call.caller.requireUser()
      let wanted: Int32 = kind
      // Read behind everything that was acknowledged, as etcd asks its log.
      return call.run({ try await service.store.range(RangeRequest(key: [0])) }) { _ in
        let raised: [Alarms.Alarm] = service.alarms.raised
        answer(action == 0 ? raised.filter { wanted == 0 || $0.kind.rawValue == wanted } : [], call)
      }
    }
    try call.caller.requireAdmin()
    guard let kind = Alarms.Kind(rawValue: kind) else { return answer([], call) }
    let alarm = Alarms.Alarm(member: member, kind: kind)
    let raise: Bool = action == 1
    call.run({ try await service.changeAlarms { raise ? $0.raise(alarm) : $0.disarm(alarm) } }) { changed in
      answer(changed || raise ? [alarm] : [], call)
    }
  }

  private func answer(_ alarms: [Alarms.Alarm], _ call: UnaryCall) {
    call.answer { writer in
      service.header().encode(&writer)
      for alarm in alarms {
        writer.message(2) { entry in
          entry.uint64(1, alarm.member)
          entry.int32(2, alarm.kind.rawValue)
        }
      }
    }
  }
}
