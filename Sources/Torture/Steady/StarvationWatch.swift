import Glibc
import Histories
import Lab
import Primitives
import Synchronization

/// Sees when a process wanted a processor and got none: its busiest thread is runnable, and the time that it ran stands still
/// (`/proc/PID/task/TID/schedstat`). What a loop does with a processor is its own affair and no excuse.
final class StarvationWatch: Sendable {
  /// Shorter spells are everyday life on a busy machine.
  static let shortest: Moment = 100_000_000
  private static let spells: Int = 100_000

  fileprivate struct Watched {
    var thread: String?
    var ran: Int64 = -1
    /// Since when it has been seen runnable without running.
    var since: Moment?
    var last: Moment = 0
  }
  private let found: Mutex<[ElectionJudge.Spell]> = Mutex([])
  private let stopped: Atomic<Bool> = Atomic(false)
  private let processes: @Sendable () -> [(place: ElectionJudge.Place, pid: pid_t)]
  private let now: @Sendable () -> Moment

  init(processes: @escaping @Sendable () -> [(place: ElectionJudge.Place, pid: pid_t)], now: @escaping @Sendable () -> Moment) {
    self.processes = processes
    self.now = now
  }

  var spells: [ElectionJudge.Spell] { found.withLock { $0 } }
  func stop() { stopped.store(true, ordering: .relaxed) }

  /// On a thread of its own, until `stop`.
  func run() {
    var watched: [ElectionJudge.Place: Watched] = [:]
    var turn: Int = 0
    while !stopped.load(ordering: .relaxed) {
      for (place, pid) in processes() {
        var one: Watched = watched[place] ?? Watched()
        // The busiest thread is the loop; which that is is looked at every two seconds.
        if turn % 100 == 0 || one.thread == nil { one.choose(Self.busiest(pid)) }
        look(place, &one)
        watched[place] = one
      }
      turn += 1
      usleep(20_000)
    }
  }

  private func look(_ place: ElectionJudge.Place, _ one: inout Watched) {
    guard let thread: String = one.thread, let ran: Int64 = Self.ran(thread) else {
      one = Watched()
      return
    }
    let (now, isRunnable): (Moment, Bool) = (now(), Self.isRunnable(thread))
    if ran == one.ran, isRunnable {
      one.since = one.since ?? one.last
    } else if let since: Moment = one.since {
      one.since = nil
      if now - since >= Self.shortest {
        found.withLock { if $0.count < Self.spells { $0.append(.init(place: place, begin: since, end: now)) } }
      }
    }
    one.ran = ran
    one.last = now
  }

  private static func busiest(_ pid: pid_t) -> String? {
    LabDirectory.entries("/proc/\(pid)/task").map { "/proc/\(pid)/task/\($0)" }.max { (ran($0) ?? 0) < (ran($1) ?? 0) }
  }

  private static func ran(_ thread: String) -> Int64? {
    LabDirectory.read("\(thread)/schedstat", limit: 128)?.split(separator: " ").first.flatMap { Int64($0) }
  }

  /// The word after the parenthesised name (proc_pid_stat(5)).
  private static func isRunnable(_ thread: String) -> Bool {
    guard let line: String = LabDirectory.read("\(thread)/stat", limit: 512) else { return false }
    return line[(line.lastIndex(of: ")") ?? line.startIndex)...].hasPrefix(") R")
  }
}

extension StarvationWatch.Watched {
  fileprivate mutating func choose(_ thread: String?) {
    guard thread != self.thread else { return }
    self = .init(thread: thread)
  }
}
