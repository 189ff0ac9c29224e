import EtcdAPI
import Histories
import Keyspace
import Primitives

/// Takes a lease, puts two keys on it, renews it for a while, and lets it run out or gives it back.
struct LeaseClient: Sendable {
  let number: Int
  let api: MemberAPI
  let members: Members
  let recorder: Recorder
  let seed: UInt64

  static let prefix = "t/l"
  /// Seconds.
  private static let ttl: Int64 = 3

  func run() async {
    var random = SeededRandom(seed: seed)
    while !Task.isCancelled {
      let begin: Moment = recorder.now()
      guard let grant: LeaseGrant = try? await api.store.grantLease(ttlSeconds: Self.ttl, id: 0) else {
        try? await Task.sleep(for: .milliseconds(300))
        continue
      }
      let keys: [String] = ["a", "b"].map { "\(Self.prefix)\(number)/\(grant.id)/\($0)" }
      var lease = LeaseRecord(id: grant.id, ttl: grant.ttlSeconds * 1_000_000_000, keys: keys)
      lease.renewals.append((begin, recorder.now()))
      for key in keys { await put(key, grant.id) }
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        try? await Task.sleep(for: .milliseconds(Int.random(in: 300...1_500, using: &random)))
        let begin: Moment = recorder.now()
        guard !Task.isCancelled, let left: Int64 = try? await renew(grant.id), left > 0 else { break }
        lease.renewals.append((begin, recorder.now()))
      }
      if Bool.random(using: &random) {
        lease.revokedAt = recorder.now()
        try? await api.store.revokeLease(id: grant.id)
      }
      recorder.add(lease)
      try? await Task.sleep(for: .milliseconds(Int.random(in: 100...1_000, using: &random)))
    }
  }

  private func put(_ key: String, _ lease: Int64) async {
    let (begin, life): (Moment, Int) = (recorder.now(), members.life(api.member))
    let value: UInt64 = recorder.value()
    let revision: Int64? = try? await api.store.put(Bytes(key), ValueText.bytes(value), lease: lease)
    recorder.add(
      Call(
        client: number, member: api.member, life: life, key: key, action: .put(value), begin: begin, end: recorder.now(),
        answer: revision.map { Call.Answer(revision: $0, changed: true) }, lifeAtEnd: members.life(api.member)))
  }

  /// A stream has no deadline of its own.
  private func renew(_ id: Int64) async throws -> Int64 {
    try await withThrowingTaskGroup(of: Int64.self) { group in
      group.addTask { try await api.store.keepLeaseAlive(id: id) }
      group.addTask {
        try await Task.sleep(for: .milliseconds(TortureLimits.callMilliseconds))
        return 0
      }
      defer { group.cancelAll() }
      return try await group.next() ?? 0
    }
  }
}
