import Keyspace
import Primitives
import Store

/// Follows a range, at one member after the other, and must be told every event once and in order.
struct Watcher {
  let number: Int
  let range: KeyRange
  var host: Int = 0
  /// Of the cluster that it followed last. It does not go back to an older one.
  var epoch: UInt64 = 0
  var life: Int = 0
  /// The watch there; nil: none is open.
  var watch: Int?
  /// Answers to earlier watches are not listened to.
  var generation: Int = 0
  var isPulling: Bool = false
}

extension World {
  /// Opens a watch where there is none, asks for more where there is one.
  func turn(_ number: Int) {
    guard !watchers[number].isPulling else { return }
    let watcher: Watcher = watchers[number]
    let host: Host = hosts[watcher.host]
    guard let process = host.process, host.life == watcher.life, let watch = watcher.watch, !process.member.hasFailed, !chance(40)
    else {
      return reconnect(number)
    }
    watchers[number].isPulling = true
    let (generation, life): (Int, Int) = (watcher.generation, host.life)
    process.member.pull(watch, limit: 4 + draw(below: 20)) { [unowned self] result in
      guard hosts[watcher.host].life == life else { return }
      schedule(.watchTold(watcher: number, generation: generation, result), in: Int64(100 + draw(below: 2_000)))
    }
    observe(watcher.host)
  }

  /// Goes on elsewhere from the first revision that it was not told.
  private func reconnect(_ number: Int) {
    let old: Watcher = watchers[number]
    if let process = hosts[old.host].process, hosts[old.host].life == old.life, let watch = old.watch { process.member.closeWatch(watch) }
    watchers[number].generation += 1
    watchers[number].watch = nil
    watchers[number].isPulling = false
    let candidates: [Int] = hosts.indices.filter { place in
      let host: Host = hosts[place]
      return host.process.map { !$0.member.hasFailed } ?? false && !host.isPaused && host.epoch >= old.epoch && isFounded(host.epoch)
    }
    guard !candidates.isEmpty else { return schedule(.watchTurn(number), in: 50_000) }
    let host: Int = candidates[draw(below: candidates.count)]
    enter(old.epoch)
    let next: Int64 = checkers.watches.next(number)
    if hosts[host].epoch != old.epoch {
      enter(hosts[host].epoch)
      checkers.watches.resume(number, from: next, checkers.history.model)
      watchers[number].epoch = era
    }
    let request = WatchRequest(old.range, startRevision: next)
    watchers[number].host = host
    watchers[number].life = hosts[host].life
    watchers[number].watch = try? hosts[host].process?.member.openWatch(request)
    schedule(.watchTurn(number), in: Int64(500 + draw(below: 20_000)))
  }

  func told(_ number: Int, _ generation: Int, _ result: Result<WatchBatch, KeyspaceError>) {
    guard watchers[number].generation == generation else { return }
    enter(watchers[number].epoch)
    watchers[number].isPulling = false
    switch result {
    case .success(let batch):
      report.watchEvents += batch.events.count
      if let problem = checkers.watches.onBatch(number, batch, checkers.history.model) { return violate(.watchCompleteness, problem) }
    case .failure(let error) where error.code == .compacted:
      if let problem = checkers.watches.onCompacted(number, checkers.history.model) { return violate(.watchCompleteness, problem) }
      watchers[number].watch = nil
    case .failure: watchers[number].watch = nil
    }
    schedule(.watchTurn(number), in: Int64(500 + draw(below: 20_000)))
  }

  /// The connection to a dead host breaks: somebody who waits for events notices.
  func breakWatches(of host: Int) {
    for number in watchers.indices where watchers[number].host == host {
      watchers[number].generation += 1
      watchers[number].isPulling = false
      watchers[number].watch = nil
      schedule(.watchTurn(number), in: Int64(1_000 + draw(below: 50_000)))
    }
  }
}
