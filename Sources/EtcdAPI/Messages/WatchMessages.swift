import HTTP
import Keyspace
import Primitives

enum WatchMessage: Sendable {
  struct Create: Sendable {
    var request = WatchRequest(KeyRange(key: []))
    var progressNotify: Bool = false
    /// 0: the server chooses.
    var watchID: Int64 = 0
    var fragment: Bool = false
    /// A negative start revision: what it asks for is gone in every store.
    var startsBeforeHistory: Bool = false
  }
  case create(Create)
  case cancel(watchID: Int64)
  case progress
  /// A member of the union that this version does not know: ignored, as etcd does.
  case unknown

  init(_ reader: ProtobufReader) throws {
    self = .unknown
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: self = .create(try Create(try reader.message(field)))
      case 2:
        var watchID: Int64 = 0
        var inner: ProtobufReader = try reader.message(field)
        while let part = try inner.next() {
          if part.number == 1 { watchID = try inner.int64(part) } else { try inner.skip(part) }
        }
        self = .cancel(watchID: watchID)
      case 3:
        try reader.skip(field)
        self = .progress
      default: try reader.skip(field)
      }
    }
  }

  func encode(_ writer: inout ProtobufWriter) {
    switch self {
    case .create(let create): writer.message(1) { create.encode(&$0) }
    case .cancel(let watchID): writer.message(2) { $0.int64(1, watchID) }
    case .progress: writer.message(3) { _ in }
    case .unknown: break
    }
  }
}

extension WatchMessage.Create {
  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    var (key, end): (Bytes, Bytes) = ([], [])
    var filters: [UInt64] = []
    while let field = try reader.next() {
      switch field.number {
      case 1: key = try reader.bytes(field)
      case 2: end = try reader.bytes(field)
      case 3:
        let revision: Int64 = try reader.int64(field)
        request.startRevision = max(0, revision)
        startsBeforeHistory = revision < 0
      case 4: progressNotify = try reader.bool(field)
      case 5: try reader.repeatedUInt64(field, into: &filters)
      case 6: request.previous = try reader.bool(field)
      case 7: watchID = try reader.int64(field)
      case 8: fragment = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
    // As etcd: no key is the lowest key, and only with an end does it mean a range.
    request.range = KeyRange(wireKey: key.isEmpty ? [0] : key, end: end)
    request.noPut = filters.contains(0)
    request.noDelete = filters.contains(1)
  }

  func encode(_ writer: inout ProtobufWriter) {
    request.range.encode(&writer, key: 1, end: 2)
    writer.int64(3, request.startRevision)
    writer.bool(4, progressNotify)
    writer.packed(5, (request.noPut ? [0] : []) + (request.noDelete ? [1] : []))
    writer.bool(6, request.previous)
    writer.int64(7, watchID)
    writer.bool(8, fragment)
  }
}

struct WatchAnswer: Sendable {
  /// What etcd gives to answers that concern the whole stream.
  static let wholeStream: Int64 = -1

  var header = ResponseHeader()
  var watchID: Int64 = 0
  var created: Bool = false
  var canceled: Bool = false
  var compactRevision: Int64 = 0
  var cancelReason: String = ""
  var fragment: Bool = false
  var events: ArraySlice<Event> = []

  init(header: ResponseHeader, watchID: Int64) {
    self.header = header
    self.watchID = watchID
  }

  func encode(_ writer: inout ProtobufWriter) {
    header.encode(&writer)
    writer.int64(2, watchID)
    writer.bool(3, created)
    writer.bool(4, canceled)
    writer.int64(5, compactRevision)
    writer.string(6, cancelReason)
    writer.bool(7, fragment)
    for event in events { writer.message(11) { event.encode(&$0) } }
  }

  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: header = try ResponseHeader(try reader.message(field))
      case 2: watchID = try reader.int64(field)
      case 3: created = try reader.bool(field)
      case 4: canceled = try reader.bool(field)
      case 5: compactRevision = try reader.int64(field)
      case 6: cancelReason = try reader.string(field)
      case 7: fragment = try reader.bool(field)
      case 11: events.append(try Event(try reader.message(field)))
      default: try reader.skip(field)
      }
    }
  }
}

extension Event {
  func encode(_ writer: inout ProtobufWriter) {
    if kind == .delete { writer.presentUInt64(1, 1) }
    writer.message(2) { keyValue.encode(&$0) }
    if let previous { writer.message(3) { previous.encode(&$0) } }
  }

  init(_ reader: ProtobufReader) throws {
    self.init(kind: .put, keyValue: KeyValue(key: [], value: [], createRevision: 0, modRevision: 0, version: 0))
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: kind = try reader.uint64(field) == 1 ? .delete : .put
      case 2: keyValue = try KeyValue(try reader.message(field))
      case 3: previous = try KeyValue(try reader.message(field))
      default: try reader.skip(field)
      }
    }
  }

  var approximateBytes: Int { keyValue.approximateBytes + (previous?.approximateBytes ?? 0) }
}
