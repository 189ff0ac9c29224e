import Primitives

extension Keyspace {
  /// Reads keys as of now or of an earlier revision.
  public func range(_ request: RangeRequest) throws(KeyspaceError) -> RangeResponse { try range(request, current: revision) }

  /// `current`: the newest revision that the reader sees, one ahead of `revision` inside a transaction that has written.
  func range(_ request: RangeRequest, current: Int64) throws(KeyspaceError) -> RangeResponse {
    if request.range.key.isEmpty { throw KeyspaceError(.emptyKey, "a range needs a key; the whole keyspace is key 0x00 with end 0x00") }
    try checkReadable(request.revision, current: current)
    let revision: Int64 = request.revision > 0 ? request.revision : current
    let filtered: Bool =
      request.minModRevision != 0 || request.maxModRevision != 0 || request.minCreateRevision != 0 || request.maxCreateRevision != 0
    // Keys come in ascending order by themselves; only other orders and filters need all rows before the limit cuts.
    let order: RangeRequest.SortOrder =
      request.sortOrder == .none && request.sortTarget != .key ? .ascend : request.sortOrder
    let sorted: Bool = order == .descend || (order == .ascend && request.sortTarget != .key)
    let limit: Int = request.limit > 0 ? Int(clamping: request.limit) : .max
    let fetch: Int = sorted || filtered ? .max : limit

    var rows: [Record] = []
    var count: Int = 0
    if request.countOnly || fetch != .max, revision >= current, request.range.end != nil {
      // The count of the whole range is known from the leaves; only as many rows as wanted are visited.
      count = index.liveCount(in: request.range)
      if !request.countOnly {
        index.forEach(in: request.range) { entry in
          if !entry.newest.isDeletion { rows.append(entry.newest) }
          return rows.count < fetch
        }
      }
    } else {
      index.forEach(in: request.range) { entry in
        guard let record: Record = entry.version(at: revision) else { return true }
        count += 1
        if !request.countOnly, rows.count < fetch { rows.append(record) }
        return true
      }
    }
    if request.countOnly { return RangeResponse(revision: current, keyValues: [], count: Int64(count)) }
    var more: Bool = fetch != .max && count > rows.count
    if filtered { rows.removeAll { !Self.passes($0, request) } }
    if sorted { Self.sort(&rows, by: request.sortTarget, descending: order == .descend) }
    if rows.count > limit {
      rows.removeLast(rows.count - limit)
      more = true
    }
    let response = RangeResponse(
      revision: current, keyValues: rows.map { $0.keyValue(keysOnly: request.keysOnly) }, more: more, count: Int64(count))
    try checkValues()
    return response
  }

  func checkReadable(_ requested: Int64, current: Int64) throws(KeyspaceError) {
    guard requested > 0 else { return }
    if requested > current {
      throw KeyspaceError(.futureRevision, "revision \(requested) was asked for, the newest is \(current)")
    }
    if requested < compactedRevision {
      throw KeyspaceError(
        .compacted, "revision \(requested) was compacted away, the oldest readable is \(compactedRevision): read again from now")
    }
  }

  private static func passes(_ record: Record, _ request: RangeRequest) -> Bool {
    (request.minModRevision == 0 || record.modRevision >= request.minModRevision)
      && (request.maxModRevision == 0 || record.modRevision <= request.maxModRevision)
      && (request.minCreateRevision == 0 || record.createRevision >= request.minCreateRevision)
      && (request.maxCreateRevision == 0 || record.createRevision <= request.maxCreateRevision)
  }

  private static func sort(_ rows: inout [Record], by target: RangeRequest.SortTarget, descending: Bool) {
    switch target {
    case .key: if descending { rows.reverse() }
    case .version: rows.sort { descending ? $0.version > $1.version : $0.version < $1.version }
    case .create: rows.sort { descending ? $0.createRevision > $1.createRevision : $0.createRevision < $1.createRevision }
    case .mod: rows.sort { descending ? $0.modRevision > $1.modRevision : $0.modRevision < $1.modRevision }
    case .value: rows.sort { descending ? $1.value.precedes($0.value) : $0.value.precedes($1.value) }
    }
  }
}
