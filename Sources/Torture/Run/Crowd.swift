import Histories
import Primitives
import Synchronization

/// All clients of a run: several at every member for registers, one holder of leases per center, a watcher at every member from the
/// beginning to the end, and one that begins somewhere in the past again and again.
final class Crowd: Sendable {
  private let api: @Sendable (Int) -> MemberAPI
  private let members: Members
  private let recorder: Recorder
  private let seed: UInt64
  private let clientsPerMember: Int
  private let watchers: [WatchClient]
  private let lastRevision: Mutex<Int64?> = Mutex(nil)

  init(api: @escaping @Sendable (Int) -> MemberAPI, members: Members, recorder: Recorder, seed: UInt64, clientsPerMember: Int) {
    self.api = api
    self.members = members
    self.recorder = recorder
    self.seed = seed
    self.clientsPerMember = clientsPerMember
    watchers = TortureLayout.members.indices.map { WatchClient(api: api($0), recorder: recorder, from: 1) }
  }

  /// Until its task is cancelled.
  func work() async {
    var seeds = SeededRandom(seed: seed &+ 1)
    await withTaskGroup(of: Void.self) { group in
      var number: Int = 0
      for member in TortureLayout.members.indices {
        for _ in 0..<clientsPerMember {
          number += 1
          let client = RegisterClient(
            number: number, api: api(member), members: members, recorder: recorder, seed: seeds.next(), pause: 60)
          group.addTask { await client.run() }
        }
      }
      for member in [0, 2, 4] {
        number += 1
        let client = LeaseClient(number: number, api: api(member), members: members, recorder: recorder, seed: seeds.next())
        group.addTask { await client.run() }
      }
      let latecomers: UInt64 = seeds.next()
      group.addTask { await self.comeLate(latecomers) }
    }
  }

  /// Watches that ask for the past, at a member that may just have come back.
  private func comeLate(_ seed: UInt64) async {
    var random = SeededRandom(seed: seed)
    while !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(Int.random(in: 1_000...4_000, using: &random)))
      let now: Int64 = watchers.map(\.toldUpTo).max() ?? 0
      guard now > 10 else { continue }
      let member: Int = Int.random(in: 0..<watchers.count, using: &random)
      let place: MemberAPI = api(member)
      let watcher = WatchClient(api: place, recorder: recorder, from: Int64.random(in: max(1, now - 5_000)...now, using: &random))
      await watcher.run { now }
      recorder.add(watcher.told)
      place.close()
    }
  }

  /// Until all were told everything up to the revision that `finish` names.
  func watch() async {
    await withTaskGroup(of: Void.self) { group in
      for watcher in watchers { group.addTask { await watcher.run { self.lastRevision.withLock { $0 } } } }
    }
  }

  /// Sentences about watchers that were not told the end.
  func finish(_ watching: Task<Void, Never>, upTo revision: Int64) async -> [String] {
    lastRevision.withLock { $0 = revision }
    let clock = SystemClock()
    let deadline: MonotonicTime = clock.now() + .seconds(30)
    while clock.now() < deadline, watchers.contains(where: { $0.toldUpTo < revision }) { try? await Task.sleep(for: .milliseconds(50)) }
    watching.cancel()
    await watching.value
    for watcher in watchers { recorder.add(watcher.told) }
    return watchers.filter { $0.toldUpTo < revision }.map { watcher in
      "the watch at \(TortureLayout.members[watcher.member].name) stands at revision \(watcher.toldUpTo), the store at \(revision)"
    }
  }
}
