import Dispatch
import Histories
import Primitives
import Synchronization

/// Makes disks stand still as planned, and measures for how long they really did.
final class StallConductor: Sendable {
  struct Done: Sendable {
    /// From the first write that had to wait until the last.
    var spells: [ElectionJudge.Spell] = []
    /// Stalls of the leader's disk, as far as anybody was seen to lead.
    var ofLeader: Int = 0
    var problems: [String] = []
  }
  private let state: Mutex<Done> = Mutex(Done())
  private let plan: StallPlan
  private let disks: [String]
  private let stall: Duration
  private let now: @Sendable () -> Moment
  private let leader: @Sendable () -> Int?

  init(
    plan: StallPlan, disks: [String], stall: Duration, now: @escaping @Sendable () -> Moment, leader: @escaping @Sendable () -> Int?
  ) {
    self.plan = plan
    self.disks = disks
    self.stall = stall
    self.now = now
    self.leader = leader
  }

  var done: Done { state.withLock { $0 } }

  /// `zero`: when the plan's time begins. Returns after the last stall, or soon after its task was cancelled; then no disk stands still.
  func run(from zero: Moment) async {
    await withTaskGroup(of: Void.self) { group in
      for stall in plan.stalls {
        while !Task.isCancelled, now() < zero + stall.at { try? await Task.sleep(for: .milliseconds(5)) }
        guard !Task.isCancelled else { break }
        for member in stall.members { group.addTask { await self.hold(member) } }
      }
    }
  }

  private func hold(_ member: Int) async {
    let leads: Bool = leader() == member
    // On a thread of its own: freezing waits for the disk.
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      DispatchQueue.global().async {
        let begin: Moment = self.now()
        do {
          let disk = try FrozenDisk(self.disks[member])
          defer { disk.close() }
          try disk.standStill(self.stall)
          let end: Moment = self.now()
          self.state.withLock { done in
            done.spells.append(.init(place: .member(member), begin: begin, end: end))
            if leads { done.ofLeader += 1 }
          }
        } catch {
          self.state.withLock { if $0.problems.count < TortureLimits.problems { $0.problems.append("\(error)") } }
        }
        continuation.resume()
      }
    }
  }
}
