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
    let durable: [JournalBatch] = journal.write(work, told: true)
    if let failure = journal.failure, !host.disk.hasFailed {
      return violate(.journal, "\(Layout.names[place])'s journal failed: \(failure)")
    }
    if journal.failure == nil { noteDurable(durable, host, process) }
    process.member.settle()
    observe(place)
    if journal.waitsForSpace { lookForSpace(host) }
    startDisk(place)
  }

  func noteDurable(_ batches: [JournalBatch], _ host: Host, _ process: Host.Process) {
    for batch in batches {
      if let problem = checkers.logs.onDurable(host.place, batch) { violate(.durability, problem) }
      guard batch.isRepaired else { continue }
      report.repairs += 1
      note("\(Layout.names[host.place])'s log is whole again")
      if let problem = checkers.logs.onRepaired(host.place, checkers.states) { violate(.durability, problem) }
    }
    let newest: UInt64 = process.journal.core.snapshotInfos.first?.index ?? 0
    guard newest != process.snapshot else { return }
    process.snapshot = newest
    checkers.logs.onSnapshotDurable(host.place, newest)
  }

  /// The journal's thread tries again some time after it found the disk full.
  private func lookForSpace(_ host: Host) {
    guard !host.isLooking else { return }
    host.isLooking = true
    schedule(.lookForSpace(host: host.place, life: host.life), in: SimulationLimits.spacePatience)
  }

  func lookForSpace(_ place: Int, _ life: Int) {
    let host: Host = hosts[place]
    host.isLooking = false
    guard host.life == life, let journal = host.process?.journal, journal.waitsForSpace else { return }
    journal.queued.append(.look)
    startDisk(place)
  }
}
