import Keyspace
import Logging
import Primitives

/// A value in a file (`Keyspace/Values`) that cannot be read back as it was written.
///
/// The journal and its snapshots are the truth and have checksums of their own; value files are a cache of them. So the member is made anew
/// from its folder, in the same process, as after a recovery: listeners, links' addresses and the other daemons go on, the leadership goes
/// to another, and where the journal is damaged, too, its repair from the peers begins. etcd's CORRUPT alarm is not raised: it makes
/// every member refuse everything, and only this one has anything to mend.
extension MemberCore {
  /// Whatever was made of the value is not used: an answer is an error, a snapshot ends, and what a transaction may have decided wrongly
  /// goes with the keyspace.
  func onUnreadableValue(_ problem: KeyspaceError) {
    guard rereading == nil, failure == nil else { return }
    rereading = KeyspaceError(.corrupt, "\(problem.message); this member reads all values back from its journal: ask another one, or wait")
    metrics.rereads.increment()
    logger.error("a value cannot be read back, so this member is made anew from its journal", metadata: ["reason": "\(problem.message)"])
    // Entries that it has handed out are on its disk: whoever leads next has all that was promised.
    node.resignLeadership()
    scheduleDrain()
    rereads(problem)
  }
}

extension Store {
  /// On the loop.
  func reread(_ problem: KeyspaceError) {
    let now: MonotonicTime = core.value?.now ?? MonotonicTime(nanoseconds: 0)
    rereadTimes.value = rereadTimes.value.filter { now - $0 < .seconds(3600) } + [now]
    guard rereadTimes.value.count <= StoreLimits.rereads else {
      core.value?.fail(
        "values could not be read back from \(configuration.directory) \(rereadTimes.value.count) times within an hour, the last time: \(problem.message)"
      )
      return
    }
    Task {
      do { try await restart("a value could not be read back") { _, _ in } } catch {
        // `restart` has put the reason on the board.
      }
    }
  }
}
