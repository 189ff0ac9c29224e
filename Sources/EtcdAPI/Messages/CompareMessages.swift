import HTTP
import Keyspace
import Primitives

extension Compare {
  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    var (key, end, value): (Bytes, Bytes, Bytes) = ([], [], [])
    var (relation, target): (Int32, Int32) = (0, 0)
    var number: Int64 = 0
    while let field = try reader.next() {
      switch field.number {
      case 1: relation = try reader.int32(field)
      case 2: target = try reader.int32(field)
      case 3: key = try reader.bytes(field)
      case 4, 5, 6, 8: number = try reader.int64(field)
      case 7: value = try reader.bytes(field)
      case 64: end = try reader.bytes(field)
      default: try reader.skip(field)
      }
    }
    guard relation >= 0, let known = Relation(rawValue: UInt8(clamping: relation)) else {
      throw GRPCStatus(.invalidArgument, "etcdserver: a comparison's result \(relation) is unknown")
    }
    let subject: Target =
      switch target {
      case 0: .version(number)
      case 1: .create(number)
      case 2: .mod(number)
      case 3: .value(value)
      case 4: .lease(number)
      default: throw GRPCStatus(.invalidArgument, "etcdserver: a comparison's target \(target) is unknown")
      }
    self.init(KeyRange(wireKey: key, end: end), known, subject)
  }

  func encode(_ writer: inout ProtobufWriter) {
    writer.int32(1, Int32(relation.rawValue))
    switch target {
    case .version: break
    case .create: writer.int32(2, 1)
    case .mod: writer.int32(2, 2)
    case .value: writer.int32(2, 3)
    case .lease: writer.int32(2, 4)
    }
    writer.bytes(3, range.key)
    // A member of a oneof is written also when it is zero.
    switch target {
    case .version(let number): writer.presentInt64(4, number)
    case .create(let number): writer.presentInt64(5, number)
    case .mod(let number): writer.presentInt64(6, number)
    case .value(let bytes): writer.presentBytes(7, bytes)
    case .lease(let number): writer.presentInt64(8, number)
    }
    if let end: Bytes = range.end { writer.bytes(64, end) }
  }
}
