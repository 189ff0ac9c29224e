import HTTP
import Keyspace
import Primitives

/// A range in pieces (etcd 3.7): put together they are what `Range` answers. All pieces are of one revision, which the first one fixes;
/// header, `more` and `count` come with the last.
struct RangeStreamMethod: ServerStreamMethod {
  static let path: String = "/etcdserverpb.KV/RangeStream"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func prepare(_ request: ProtobufReader, _ credentials: Credentials) throws -> @Sendable (StreamSink) async throws -> Void {
    let request = try RangeRequest(request)
    guard !request.range.key.isEmpty else { throw KeyspaceError(.emptyKey, "a range needs a key") }
    guard request.sortTarget == .key, request.sortOrder != .descend else {
      throw GRPCStatus(.unimplemented, "RangeStream does not support custom sort orders")
    }
    guard request.minModRevision == 0, request.maxModRevision == 0, request.minCreateRevision == 0, request.maxCreateRevision == 0 else {
      throw GRPCStatus(.unimplemented, "RangeStream does not support revision filters")
    }
    let (service, store): (EtcdService, CallerStore) = (service, CallerStore(service, credentials))
    return { sink in
      let wanted: Int = request.limit > 0 ? Int(clamping: request.limit) : .max
      var (piece, sent, headerRevision): (RangeRequest, Int, Int64) = (request, 0, 0)
      var size: Int = EtcdLimits.firstStreamRows
      while true {
        piece.limit = request.countOnly ? 0 : Int64(min(size, wanted - sent))
        let response: RangeResponse = try await store.range(piece)
        if headerRevision == 0 {
          headerRevision = response.revision
          if piece.revision == 0 { piece.revision = response.revision }
          // The first piece was linearizable; the rest is read at its revision, wherever.
          piece.serializable = true
        }
        sent += response.keyValues.count
        let done: Bool = request.countOnly || !response.more || sent >= wanted
        let (rows, more, header): ([KeyValue], Bool, ResponseHeader) = (
          response.keyValues, response.more, service.header(revision: headerRevision)
        )
        // `count` of a piece counts from its first key on.
        let count: Int64 = Int64(sent - rows.count) + response.count
        try await sink.send(capacity: response.approximateBytes) { writer in
          writer.message(1) { part in
            if done { header.encode(&part) }
            for row in rows { part.message(2) { row.encode(&$0) } }
            if done {
              part.bool(3, more)
              part.int64(4, count)
            }
          }
        }
        guard !done, let last: Bytes = rows.last?.key else { return }
        piece.range.key = last + [0]
        let bytes: Int = response.approximateBytes
        if bytes < EtcdLimits.streamPieceBytes / 2 { size *= 2 } else if bytes > EtcdLimits.streamPieceBytes * 2 { size = max(1, size / 2) }
      }
    }
  }
}
