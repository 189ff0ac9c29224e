import Primitives
import SiteLink

/// Links that lose, delay, double and reorder, and are cut.
extension World {
  /// Returns false where the sender knows that the link is broken.
  func send(_ frame: Bytes, from: Int, to member: MemberID) -> Bool {
    guard let to: Int = places[member], !isBroken[from][to] else { return false }
    report.messages += 1
    if frame.first == 20 { report.relayed += 1 }
    let mustArrive: Bool = Self.mustArriveInOrder(frame)
    if cuts[from][to] != 0 || (isStormy && !mustArrive && chance(weather.lost)) {
      if mustArrive { noticeBreak(from, to) }
      return true
    }
    var time: Int64 = now + delay(from, to)
    if mustArrive {
      time = max(time, lastOrdered[from][to] + 1)
      lastOrdered[from][to] = time
    }
    let epoch: UInt64 = hosts[from].epoch
    queue.add(.deliver(from: from, to: to, epoch: epoch, frame), at: time)
    if isStormy, !mustArrive, chance(weather.doubled) {
      queue.add(.deliver(from: from, to: to, epoch: epoch, frame), at: time + delay(from, to))
    }
    return true
  }

  /// Pieces of snapshots and changes of members come one after the other or not at all, as on any connection; consensus' messages,
  /// relayed or not, and calls, the rest, survive every order, so here they get it.
  private static func mustArriveInOrder(_ frame: Bytes) -> Bool {
    switch frame.first {
    case 1, 7, 8, 11, 20, 21, 22: false
    default: true
    }
  }

  private func delay(_ from: Int, _ to: Int) -> Int64 {
    var delay: Int64 = Layout.delay(from, to)
    delay += Int64(draw(below: Int(delay / 4) + 20))
    if isStormy, chance(weather.late) { delay += Int64(draw(below: 60_000)) }
    return delay
  }

  /// A connection on which something was lost breaks, and is made again.
  private func noticeBreak(_ from: Int, _ to: Int) {
    schedule(.linkChanged(host: from, life: hosts[from].life, other: to, up: false), in: 100_000)
  }

  func linkChanged(_ place: Int, _ life: Int, _ other: Int, _ up: Bool) {
    guard hosts[place].life == life, let process = hosts[place].process, let id: MemberID = hosts[other].id else { return }
    if up {
      guard isBroken[place][other], meet(place, other) else { return }
      isBroken[place][other] = false
    } else {
      guard !isBroken[place][other] else { return }
      isBroken[place][other] = true
      // Unless it is really cut, or nobody is there, it is made again at once.
      if cuts[place][other] == 0, cuts[other][place] == 0, hosts[other].process != nil { mendLink(place, other) }
    }
    process.member.linkChanged(id, up: up)
    observe(place)
  }

  /// Nobody talks across epochs: who is behind is told by those whom it dials, who is ahead waits for that (`SiteLink`).
  private func meet(_ place: Int, _ other: Int) -> Bool {
    let meeting = EpochMeeting(caller: LinkEpoch(number: hosts[place].epoch), own: LinkEpoch(number: hosts[other].epoch))
    guard meeting != .same else { return true }
    guard cuts[place][other] == 0, cuts[other][place] == 0, let process = hosts[other].process else { return false }
    if meeting == .callerIsBehind {
      schedule(.superseded(host: place, life: hosts[place].life, process.member.proof), in: delay(other, place))
    }
    schedule(.linkChanged(host: place, life: hosts[place].life, other: other, up: true), in: Int64(50_000 + draw(below: 200_000)))
    return false
  }

  /// A process that restarts ends its connections.
  func breakLinks(of place: Int) {
    for other in hosts where other.place != place && other.process != nil {
      schedule(.linkChanged(host: other.place, life: other.life, other: place, up: false), in: Int64(200 + draw(below: 20_000)))
    }
  }

  func mendLink(_ from: Int, _ to: Int) {
    guard isBroken[from][to] else { return }
    schedule(.linkChanged(host: from, life: hosts[from].life, other: to, up: true), in: Int64(5_000 + draw(below: 20_000)))
  }

  func deliver(_ frame: Bytes, from: Int, to: Int, _ epoch: UInt64) {
    guard let process = hosts[to].process, cuts[from][to] == 0, epoch == hosts[to].epoch, let sender: MemberID = hosts[from].id else {
      if Self.mustArriveInOrder(frame) { noticeBreak(from, to) }
      return
    }
    mix(UInt64(truncatingIfNeeded: now) &+ UInt64(from * 8 + to))
    if !checkers.history.model.removed.isEmpty, process.member.refuses(sender) {
      // What a link says at the next greeting.
      return schedule(.refused(host: from, life: hosts[from].life), in: delay(to, from))
    }
    process.member.receive(frame, from: sender)
    observe(to)
    if frame.first != 11 { checkCuts(hosts[to]) }
  }
}
