import Histories
import Primitives
import Synchronization

/// Asks every member ten times a second who leads, and every second how evenly it lived; keeps the elections.
final class SteadyLookout: Sendable {
  struct Seen: Sendable {
    var term: UInt64 = 0
    var leader: Int?
    var elections: [ElectionJudge.Election] = []
    /// By member, in milliseconds: the longest time without a word of the leader, and between two of its own ticks.
    var longestSilence: [Double] = TortureLayout.members.map { _ in 0 }
    var longestPause: [Double] = TortureLayout.members.map { _ in 0 }
  }
  private let state: Mutex<Seen> = Mutex(Seen())
  private let apis: [MemberAPI]
  private let now: @Sendable () -> Moment

  init(apis: [MemberAPI], now: @escaping @Sendable () -> Moment) {
    self.apis = apis
    self.now = now
  }

  var seen: Seen { state.withLock { $0 } }

  /// From now on elections and silences count.
  func beginCounting() {
    state.withLock { seen in
      seen.elections = []
      seen.longestSilence = TortureLayout.members.map { _ in 0 }
      seen.longestPause = seen.longestSilence
    }
  }

  /// Until its task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for api in apis {
        group.addTask {
          var turn: Int = 0
          while !Task.isCancelled {
            if let status: MemberAPI.Status = try? await api.status() { self.note(api.member, status) }
            if turn % 10 == 0, let pulse: (silence: Double, pause: Double) = try? await api.pulse() { self.note(api.member, pulse) }
            turn += 1
            try? await Task.sleep(for: .milliseconds(100))
          }
        }
      }
    }
  }

  private func note(_ member: Int, _ status: MemberAPI.Status) {
    let now: Moment = now()
    state.withLock { seen in
      if status.term > seen.term {
        if seen.term > 0 { seen.elections.append(.init(at: now, term: status.term, from: seen.leader, to: nil)) }
        seen.term = status.term
        seen.leader = nil
      }
      // Whoever leads says it himself.
      guard status.term == seen.term, status.isLeader else { return }
      seen.leader = member
      if let last: Int = seen.elections.indices.last, seen.elections[last].term == status.term { seen.elections[last].to = member }
    }
  }

  private func note(_ member: Int, _ pulse: (silence: Double, pause: Double)) {
    state.withLock { seen in
      seen.longestSilence[member] = max(seen.longestSilence[member], pulse.silence)
      seen.longestPause[member] = max(seen.longestPause[member], pulse.pause)
    }
  }
}
