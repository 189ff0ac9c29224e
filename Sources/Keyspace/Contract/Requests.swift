import Primitives

/// A key with everything MVCC knows of it (etcd `mvccpb.KeyValue`).
public struct KeyValue: Hashable, Sendable {
  public var key: Bytes
  public var value: Bytes
  /// Revision of the creation that this generation began with.
  public var createRevision: Int64
  /// Revision of the last modification.
  public var modRevision: Int64
  /// 1 at creation, grows by one at each put; a deletion starts over.
  public var version: Int64
  /// Lease id, 0 for none.
  public var lease: Int64

  public init(key: Bytes, value: Bytes, createRevision: Int64, modRevision: Int64, version: Int64, lease: Int64 = 0) {
    self.key = key
    self.value = value
    self.createRevision = createRevision
    self.modRevision = modRevision
    self.version = version
    self.lease = lease
  }
}

/// Keys from `key` up to, not including, `end`. No `end`: the one key. `end` of one zero byte: every key from `key` on.
public struct KeyRange: Hashable, Sendable {
  public var key: Bytes
  public var end: Bytes?
  public init(key: Bytes, end: Bytes? = nil) {
    self.key = key
    self.end = end
  }
  public static func prefix(_ prefix: Bytes) -> Self {
    prefix.isEmpty ? Self(key: [0], end: [0]) : Self(key: prefix, end: prefix.prefixEnd)
  }
  public func contains(_ candidate: Bytes) -> Bool {
    guard let end else { return candidate == key }
    if candidate.precedes(key) { return false }
    return end == [0] || candidate.precedes(end)
  }
}

public struct RangeRequest: Hashable, Sendable {
  public enum SortTarget: UInt8, Sendable { case key, version, create, mod, value }
  public enum SortOrder: UInt8, Sendable { case none, ascend, descend }

  public var range: KeyRange
  /// 0: the newest. Otherwise the keyspace as it was then: `.compacted` below the compacted revision, `.futureRevision` above the current.
  public var revision: Int64
  /// 0: no limit.
  public var limit: Int64
  public var serializable: Bool
  public var keysOnly: Bool
  public var countOnly: Bool
  public var sortTarget: SortTarget
  public var sortOrder: SortOrder
  /// 0: no bound.
  public var minModRevision: Int64 = 0
  public var maxModRevision: Int64 = 0
  public var minCreateRevision: Int64 = 0
  public var maxCreateRevision: Int64 = 0

  public init(
    _ range: KeyRange, revision: Int64 = 0, limit: Int64 = 0, serializable: Bool = false, keysOnly: Bool = false,
    countOnly: Bool = false, sortTarget: SortTarget = .key, sortOrder: SortOrder = .none
  ) {
    self.range = range
    self.revision = revision
    self.limit = limit
    self.serializable = serializable
    self.keysOnly = keysOnly
    self.countOnly = countOnly
    self.sortTarget = sortTarget
    self.sortOrder = sortOrder
  }
  public init(key: Bytes, revision: Int64 = 0, serializable: Bool = false) {
    self.init(KeyRange(key: key), revision: revision, serializable: serializable)
  }
}

public struct RangeResponse: Hashable, Sendable {
  /// The store's revision when the request was served (the `resourceVersion` of a list).
  public var revision: Int64
  public var keyValues: [KeyValue]
  /// True if `limit` cut the answer.
  public var more: Bool
  /// Keys in the range, whatever the limit.
  public var count: Int64
  public init(revision: Int64, keyValues: [KeyValue], more: Bool = false, count: Int64) {
    self.revision = revision
    self.keyValues = keyValues
    self.more = more
    self.count = count
  }
}

public struct PutRequest: Hashable, Sendable {
  public var key: Bytes
  public var value: Bytes
  public var lease: Int64
  public var previous: Bool
  public var ignoreValue: Bool
  public var ignoreLease: Bool
  public init(
    key: Bytes, value: Bytes, lease: Int64 = 0, previous: Bool = false, ignoreValue: Bool = false, ignoreLease: Bool = false
  ) {
    self.key = key
    self.value = value
    self.lease = lease
    self.previous = previous
    self.ignoreValue = ignoreValue
    self.ignoreLease = ignoreLease
  }
}

public struct DeleteRequest: Hashable, Sendable {
  public var range: KeyRange
  public var previous: Bool
  public init(_ range: KeyRange, previous: Bool = false) {
    self.range = range
    self.previous = previous
  }
}

public struct Compare: Hashable, Sendable {
  public enum Relation: UInt8, Sendable { case equal, greater, less, notEqual }
  public enum Target: Hashable, Sendable {
    case version(Int64), create(Int64), mod(Int64), value(Bytes), lease(Int64)
  }
  /// With an `end`, the comparison must hold for every key in the range. A key that does not exist compares as version,
  /// create and mod 0 and lease 0; a value comparison with it is false.
  public var range: KeyRange
  public var relation: Relation
  public var target: Target
  public init(_ range: KeyRange, _ relation: Relation, _ target: Target) {
    self.range = range
    self.relation = relation
    self.target = target
  }
  public init(_ key: Bytes, _ relation: Relation, _ target: Target) {
    self.init(KeyRange(key: key), relation, target)
  }
}

public indirect enum Operation: Hashable, Sendable {
  case range(RangeRequest)
  case put(PutRequest)
  case delete(DeleteRequest)
  case transaction(TransactionRequest)
}

/// How far a write must have come before it is acknowledged (`design.md` §5.2).
public enum Durability: UInt8, Sendable { case centerSafe, citySafe, auto }

public struct TransactionRequest: Hashable, Sendable {
  public var compares: [Compare]
  public var success: [Operation]
  public var failure: [Operation]
  /// nil: what the store's settings say for the keys. Of no meaning for a nested transaction, and no part of the log's form.
  public var durability: Durability?
  public init(compares: [Compare] = [], success: [Operation], failure: [Operation] = []) {
    self.compares = compares
    self.success = success
    self.failure = failure
  }
}

public struct TransactionResponse: Hashable, Sendable {
  /// The store's revision after the transaction.
  public var revision: Int64
  public var succeeded: Bool
  /// One per operation of the list that ran.
  public var responses: [OperationResponse]
  public init(revision: Int64, succeeded: Bool, responses: [OperationResponse]) {
    self.revision = revision
    self.succeeded = succeeded
    self.responses = responses
  }
}

public indirect enum OperationResponse: Hashable, Sendable {
  case range(RangeResponse)
  case put(previous: KeyValue?)
  case delete(deleted: Int64, previous: [KeyValue])
  case transaction(TransactionResponse)
}

public struct WatchRequest: Hashable, Sendable {
  public var range: KeyRange
  /// First revision wanted; 0: whatever comes after now.
  public var startRevision: Int64
  /// Fill `Event.previous`.
  public var previous: Bool
  public var noPut: Bool
  public var noDelete: Bool
  public init(_ range: KeyRange, startRevision: Int64 = 0, previous: Bool = false, noPut: Bool = false, noDelete: Bool = false) {
    self.range = range
    self.startRevision = startRevision
    self.previous = previous
    self.noPut = noPut
    self.noDelete = noDelete
  }
}

public struct Event: Hashable, Sendable {
  public enum Kind: UInt8, Sendable { case put, delete }
  public var kind: Kind
  /// For a deletion only `key` and `modRevision` (the deletion's revision) are set, as in etcd.
  public var keyValue: KeyValue
  public var previous: KeyValue?
  public init(kind: Kind, keyValue: KeyValue, previous: KeyValue? = nil) {
    self.kind = kind
    self.keyValue = keyValue
    self.previous = previous
  }
}

public struct WatchBatch: Hashable, Sendable {
  /// Everything up to and including this revision has been told.
  public var revision: Int64
  public var events: [Event]
  public init(revision: Int64, events: [Event]) {
    self.revision = revision
    self.events = events
  }
}

public struct LeaseGrant: Hashable, Sendable {
  public var id: Int64
  public var ttlSeconds: Int64
  public init(id: Int64, ttlSeconds: Int64) {
    self.id = id
    self.ttlSeconds = ttlSeconds
  }
}

public struct LeaseStatus: Hashable, Sendable {
  public var id: Int64
  /// Remaining whole seconds, -1 if the lease does not exist.
  public var ttlSeconds: Int64
  public var grantedSeconds: Int64
  public var keys: [Bytes]
  public init(id: Int64, ttlSeconds: Int64, grantedSeconds: Int64, keys: [Bytes] = []) {
    self.id = id
    self.ttlSeconds = ttlSeconds
    self.grantedSeconds = grantedSeconds
    self.keys = keys
  }
}
