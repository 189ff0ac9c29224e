import Keyspace
import Primitives

/// What a keyspace is, in the plainest form: every version of every key. Knows nothing of `Keyspace`.
struct KeyValueModel {
  struct Version: Hashable {
    var revision: Int64
    /// nil: deleted.
    var value: Bytes?
  }
  private(set) var revision: Int64 = 1
  private var versions = [[Version]](repeating: [], count: SimulationLimits.keyCount)

  /// A key as it was at a revision.
  func read(_ key: Int, at revision: Int64) -> Version? {
    guard let found = versions[key].last(where: { $0.revision <= revision }), found.value != nil else { return nil }
    return found
  }

  mutating func run(_ operation: ClientOperation) -> OperationResult {
    switch operation {
    case .put(let key, let value): write([key], value)
    case .putTwo(let key, let other, let value): write([key, other], value)
    case .delete(let key): if read(key, at: revision) != nil { write([key], nil) }
    case .compareAndPut(let key, let expected, let value):
      let current: Version? = read(key, at: revision)
      guard (current?.revision ?? 0) == expected else {
        return OperationResult(revision: revision, succeeded: false, value: current?.value, modRevision: current?.revision ?? 0)
      }
      write([key], value)
    case .get(let key):
      let current: Version? = read(key, at: revision)
      return OperationResult(revision: revision, value: current?.value, modRevision: current?.revision ?? 0)
    case .compact: break
    }
    return OperationResult(revision: revision)
  }

  private mutating func write(_ keys: [Int], _ value: Bytes?) {
    revision += 1
    for key in keys { versions[key].append(Version(revision: revision, value: value)) }
  }

  /// A member's whole content against the model's at the same revision.
  func compare(_ response: RangeResponse, at revision: Int64) -> String? {
    var expected: [Bytes: Version] = [:]
    for key in versions.indices { expected[Wire.key(key)] = read(key, at: revision) }
    for found in response.keyValues {
      guard let version = expected.removeValue(forKey: found.key) else { return "has \(found.key.text), the model has not" }
      guard version.value == found.value, version.revision == found.modRevision else {
        return "has \(found.key.text) as of revision \(found.modRevision), the model as of \(version.revision)"
      }
    }
    return expected.isEmpty ? nil : "lacks \(expected.count) keys of the model at revision \(revision)"
  }
}
