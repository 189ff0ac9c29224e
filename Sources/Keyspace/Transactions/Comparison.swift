import Primitives

extension Keyspace {
  /// Whether a comparison holds for every key of its range; where there is none, for a key with version, revisions and lease 0,
  /// except that a comparison of values with nothing never holds (etcd `applyCompare`).
  func holds(_ compare: Compare) -> Bool {
    var any: Bool = false
    var all: Bool = true
    index.forEach(in: compare.range) { entry in
      if entry.newest.isDeletion { return true }
      any = true
      all = Self.holds(compare, entry.newest)
      return all
    }
    if any { return all }
    if case .value = compare.target { return false }
    return Self.holds(compare, nil)
  }

  private static func holds(_ compare: Compare, _ record: Record?) -> Bool {
    let order: Int =
      switch compare.target {
      case .version(let wanted): Self.order(record?.version ?? 0, wanted)
      case .create(let wanted): Self.order(record?.createRevision ?? 0, wanted)
      case .mod(let wanted): Self.order(record?.modRevision ?? 0, wanted)
      case .lease(let wanted): Self.order(record?.lease ?? 0, wanted)
      case .value(let wanted): (record?.value ?? []).ordered(to: wanted)
      }
    return switch compare.relation {
    case .equal: order == 0
    case .notEqual: order != 0
    case .greater: order > 0
    case .less: order < 0
    }
  }

  private static func order(_ left: Int64, _ right: Int64) -> Int { left < right ? -1 : left > right ? 1 : 0 }
}
