import Consensus
import Keyspace
import Primitives
import Store

/// Epochs of the cluster. After a recovery two clusters may live side by side, each with a history of its own and checkers that know it:
/// the one that the survivors founded, and what is left of the old one, which goes on until it hears of the other.
extension World {
  /// The checkers are those of an epoch from here on.
  func enter(_ epoch: UInt64) {
    guard epoch != era else { return }
    guard let wanted = parked.removeValue(forKey: epoch) else { preconditionFailure("nobody is of epoch \(epoch)") }
    parked[era] = checkers
    era = epoch
    checkers = wanted
  }

  /// Its members serve.
  func isFounded(_ epoch: UInt64) -> Bool { epoch == 0 || founded.contains(epoch) }

  /// A host starts in another epoch than the one that it was in.
  func move(_ host: Host, to epoch: UInt64) {
    enter(host.epoch)
    let old: LogChecker = checkers.logs
    if parked[epoch] == nil {
      // Told to follow, or in the middle of being founded: nothing has happened in it yet.
      var new: Checkers = checkers
      for other in hosts where other !== host { new.logs.forget(other.place) }
      parked[epoch] = new
    }
    host.epoch = epoch
    enter(epoch)
    checkers.logs.adopt(host.place, old)
    newestEpoch = max(newestEpoch, epoch)
  }

  /// Its folder says another epoch than when it ran last.
  func changeEpoch(_ host: Host, _ member: SteppedMember) {
    if let (recovery, entry) = member.founding, recovery.epoch == member.epoch, !founded.contains(recovery.epoch) {
      found(host, recovery, entry)
      guard report.violation == nil else { return }
    }
    move(host, to: member.epoch)
    if host.isEmptied { checkers.logs.forget(host.place) }
    breakLinks(of: host.place)
    for other in hosts.indices where other != host.place { isBroken[host.place][other] = true }
  }

  /// The host's log holds the beginning of a new cluster: from here on its history counts in this epoch, and no other.
  func found(_ host: Host, _ recovery: Recovery, _ entry: Entry) {
    let parent: UInt64 = host.epoch
    enter(parent)
    guard let certificate = certificates[recovery.epoch]?(recovery) else {
      return violate(.recovery, "epoch \(recovery.epoch) has no certificate")
    }
    guard let kept = checkers.logs.log(host.place, upTo: recovery.index, checkers.states) else {
      return violate(.recovery, "\(Layout.names[host.place]) founded epoch \(recovery.epoch) with entries that nobody wrote")
    }
    founded.insert(recovery.epoch)
    report.recoveries += 1
    note("\(Layout.names[host.place]) founds epoch \(recovery.epoch) behind entry \(recovery.index), revision \(recovery.lastRevision)")
    var new: Checkers = checkers
    if let problem = new.recover(kept, recovery, entry, host.place, now: now) { return violate(.recovery, problem) }
    if let problem = checkers.history.onLoss(new.history, certificate) { return violate(.recovery, problem) }
    for survivor in certificate.members where survivor.part == .follower || survivor.part == .successor {
      guard let place = Layout.names.firstIndex(of: survivor.name), let problem = checkers.forgets(place, kept) else { continue }
      return violate(.recovery, problem)
    }
    if recovery.firstRevision <= checkers.history.model.revision {
      return violate(.recovery, "epoch \(recovery.epoch) begins at revision \(recovery.firstRevision), which was given out before")
    }
    for other in hosts where other.epoch != recovery.epoch && other !== host { new.logs.forget(other.place) }
    // Those who were told to follow are there already, with their logs.
    if let early = parked[recovery.epoch] {
      for other in hosts where other.epoch == recovery.epoch { new.logs.adopt(other.place, early.logs) }
      new.states.keepApplied(of: early.states)
    }
    parked[recovery.epoch] = new
  }
}

extension Checkers {
  /// What they know of a cluster that begins with these entries.
  mutating func recover(_ kept: [Entry], _ recovery: Recovery, _ entry: Entry, _ founder: Int, now: Int64) -> String? {
    let terms: UInt64 = entry.term - 1
    var replayed = KeptHistory(history, now)
    for one in kept { replayed.apply(one) }
    replayed.history.begin()
    history = replayed.history
    guard history.model.revision == recovery.lastRevision else {
      return "the survivors' log ends at revision \(history.model.revision), the recovery says \(recovery.lastRevision)"
    }
    states = states.recovered(kept, replayed.revisions)
    elections.forget(after: terms)
    logs.forgetContents(after: terms)
    logs.onFounded(founder, entry, previousTerm: recovery.term)
    leases.recover(history.model.leases, now: now)
    watches.begin(history.model)
    return nil
  }

  /// What a survivor knew to be committed, and the successor does not go on with.
  func forgets(_ survivor: Int, _ kept: [Entry]) -> String? {
    guard let last = states.lastApplied(by: survivor), Int(last.index) > kept.count || kept[Int(last.index) - 1] != last else { return nil }
    return
      "\(Layout.names[survivor]) survived and knew entry \(last.index) of term \(last.term) to be committed, the new cluster goes on without it"
  }
}

/// The history of a log that survivors go on with, entry by entry.
private struct KeptHistory {
  var history: HistoryChecker
  var revisions: [Int64] = []
  private let now: Int64

  init(_ old: HistoryChecker, _ now: Int64) {
    history = old.emptied()
    self.now = now
  }

  mutating func apply(_ entry: Entry) {
    _ = history.onCommitted(entry, now: now, isKept: true)
    revisions.append(history.model.revision)
  }
}
