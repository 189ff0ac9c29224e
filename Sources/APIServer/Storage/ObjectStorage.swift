import KubeModel
import Keyspace
import Primitives

/// Keys that a write takes or gives back together with its object.
struct Reservations: Sendable {
  /// Key → who takes it (JSON, for whoever reads the store by hand).
  var taken: [(key: Bytes, owner: Bytes)] = []
  var released: [Bytes] = []
  var isEmpty: Bool { taken.isEmpty && released.isEmpty }
}

/// What must still hold when a write is committed.
struct WriteGuard: Sendable {
  var key: Bytes
  /// Mod revision that was looked at when the write was allowed; 0: the key did not exist.
  var revision: Int64
}

enum WriteOutcome: Sendable {
  case written(revision: Int64)
  /// The object is at another revision than the write was made from (nil: gone).
  case raced(KeyValue?)
  /// One of the reservations belongs to somebody else.
  case taken(Bytes)
  /// What allowed the write has changed.
  case guardFailed(Bytes)
}

/// Objects as values of keys: every write is one compare-and-put transaction, and its revision is the object's resource version.
struct ObjectStorage: Sendable {
  let store: any KeyValueStore
  let layout: StorageLayout
  let waits: StoreWaits
  let eventLease: EventLease

  func key(_ resource: Resource, _ path: Bytes) -> Bytes { resource.folder + path }

  /// Linearizable.
  func get(_ resource: Resource, _ path: Bytes) async throws -> StoredObject? {
    let response: RangeResponse = try await waits.run { try await store.range(RangeRequest(key: key(resource, path))) }
    return response.keyValues.first.map { stored(resource, $0) }
  }

  func stored(_ resource: Resource, _ keyValue: KeyValue) -> StoredObject {
    StoredObject(
      path: Bytes(keyValue.key.dropFirst(resource.folder.count)), value: keyValue.value, revision: keyValue.modRevision,
      definition: resource.definition)
  }

  /// The store's revision now, by quorum: everything acknowledged before the call is at or below it.
  func currentRevision() async throws -> Int64 {
    try await waits.run { try await store.range(RangeRequest(key: Bytes(layout.root))).revision }
  }

  /// Puts the object if its key is still at `expected` (0: does not exist), together with its reservations.
  func put(
    _ resource: Resource, _ path: Bytes, _ object: KubeObject, expected: Int64, reservations: Reservations = Reservations(),
    guards: [WriteGuard] = []
  ) async throws -> WriteOutcome {
    let value: Bytes = Self.encode(resource.definition.face.map { KubeObject($0.write(object.json)) } ?? object)
    for isLastTry in [false, true] {
      do {
        let lease: Int64 = resource.definition.storedName == .events ? try await waits.run { try await eventLease.id() } : 0
        let put: Operation = .put(PutRequest(key: key(resource, path), value: value, lease: lease))
        return try await commit(resource, path, put, value: value, expected: expected, reservations: reservations, guards: guards)
      } catch let error as LeaseGone {
        eventLease.forget()
        if isLastTry { throw KubeStatus.internalError("the lease of events is gone: \(error.message)") }
      }
    }
    preconditionFailure("both tries of a put returned or threw")
  }

  func delete(
    _ resource: Resource, _ path: Bytes, expected: Int64, reservations: Reservations = Reservations()
  ) async throws -> WriteOutcome {
    try await commit(
      resource, path, .delete(DeleteRequest(KeyRange(key: key(resource, path)))), value: nil, expected: expected,
      reservations: reservations, guards: [])
  }

  private struct LeaseGone: Error { let message: String }

  /// - Parameter value: what the key holds once the write is done; nil for a deletion. By it a write is recognised that an earlier try
  ///   had brought about although the store could not say so.
  private func commit(
    _ resource: Resource, _ path: Bytes, _ write: Operation, value: Bytes?, expected: Int64, reservations: Reservations,
    guards: [WriteGuard]
  ) async throws -> WriteOutcome {
    let key: Bytes = key(resource, path)
    // A reservation that the object gives back and takes again in one write stays as it is.
    let kept: Set<Bytes> = Set(reservations.taken.map(\.key)).intersection(reservations.released)
    let taken: [(key: Bytes, owner: Bytes)] = reservations.taken.filter { !kept.contains($0.key) }
    let released: [Bytes] = reservations.released.filter { !kept.contains($0) }
    var compares: [Compare] = [Compare(key, .equal, .mod(expected))]
    compares += taken.map { Compare($0.key, .equal, .create(0)) }
    compares += guards.map { Compare($0.key, .equal, .mod($0.revision)) }
    var success: [Operation] = [write]
    success += taken.map { .put(PutRequest(key: $0.key, value: $0.owner)) }
    success += released.map { .delete(DeleteRequest(KeyRange(key: $0))) }
    var failure: [Operation] = [.range(RangeRequest(key: key))]
    failure += guards.map { .range(RangeRequest(key: $0.key, serializable: false)) }
    failure += taken.map { .range(RangeRequest(key: $0.key)) }
    let request = TransactionRequest(compares: compares, success: success, failure: failure)
    let (response, isRepeated): (TransactionResponse, Bool) = try await waits.runConditional {
      do { return try await store.transact(request) } catch let error as KeyspaceError where error.code == .leaseNotFound {
        throw LeaseGone(message: error.message)
      }
    }
    if response.succeeded { return .written(revision: response.revision) }
    func read(_ index: Int) -> KeyValue? {
      guard response.responses.indices.contains(index), case .range(let range) = response.responses[index] else { return nil }
      return range.keyValues.first
    }
    let current: KeyValue? = read(0)
    if isRepeated, current?.value == value { return .written(revision: current?.modRevision ?? response.revision) }
    if (current?.modRevision ?? 0) != expected { return .raced(current) }
    for (index, guarded) in guards.enumerated() where (read(1 + index)?.modRevision ?? 0) != guarded.revision {
      return .guardFailed(guarded.key)
    }
    for (index, entry) in taken.enumerated() where read(1 + guards.count + index) != nil { return .taken(entry.key) }
    return .raced(current)
  }

  /// The bytes as stored: kind and version first, no resource version (it is the key's revision).
  static func encode(_ object: KubeObject) -> Bytes {
    var json: JSONValue = object.json
    json["metadata"]["resourceVersion"] = .null
    return json.serialized()
  }
}
