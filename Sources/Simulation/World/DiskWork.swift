import Journal
import Primitives

/// When the journals' threads are done.
extension World {
  func startDisk(_ place: Int) {
    let host: Host = hosts[place]
    guard let process = host.process, process.journal.begin() else { return }
    let time: Int64 = Int64(120 + draw(below: 120)) + host.extraDiskTime
    schedule(.diskDone(host: place, life: host.life), in: time)
    if let downFor = host.doom {
      host.doom = nil
      schedule(.fault(.crash([place], downFor: downFor)), in: Int64(draw(below: Int(time))))
    }
  }

  func diskDone(_ place: Int, _ life: Int) {
    let host: Host = hosts[place]
    guard host.life == life, let process = host.process else { return }
    let journal: SimulatedJournal = process.journal
    let work: [SimulatedJournal.Work] = journal.running
    journal.running = []
    // First the checkers, then the member: it acts on what it hears.
    journal.write(work, told: true)
    if let failure = journal.failure, host.disk.operationsLeft == nil {
      return violate(.journal, "\(Layout.names[place])'s journal failed: \(failure)")
    }
    if journal.failure == nil {
      for case .append(let batch, _) in work { checkers.logs.onDurable(place, batch) }
      let newest: UInt64 = journal.core.snapshotInfos.first?.index ?? 0
      if newest != process.snapshot {
        process.snapshot = newest
        checkers.logs.onSnapshotDurable(place, newest)
      }
    }
    process.member.settle()
    observe(place)
    startDisk(place)
  }
}
