import Consensus
import Journal
import Primitives

/// Five hosts, the links between them, four clients, and the checkers that watch.
final class World {
  let seed: UInt64
  let options: SimulationOptions
  var random: SeededRandom
  let weather: Weather
  var now: Int64 = 0
  var queue = EventQueue()
  var members: [Member]
  var clients: [Client]
  var checkers: Checkers
  /// How many cuts lie on the way from one member to another.
  var cuts: [[Int]]
  var isStormy: Bool = true
  var report: SimulationReport
  var productionDiedAt: Int64?
  var isOver: Bool = false
  var calmSince: Int64 = 0
  /// Clients that were served after the last fault.
  var servedSinceCalm: Set<Int> = []

  init(seed: UInt64, options: SimulationOptions) {
    self.seed = seed
    self.options = options
    random = SeededRandom(seed: seed &* 0xD134_2543_DE82_EF95 &+ 1)
    let drawn = Weather(random: &random)
    if let kind = options.weatherKind, kind != drawn.kind {
      weather = Weather(kind: kind, random: &random)
    } else {
      weather = drawn
    }
    let count: Int = SimulationLimits.memberCount
    members = (0..<count).map { Member(disk: SimulatedDisk(path: Layout.names[$0])) }
    clients = (0..<SimulationLimits.clientCount).map { Client(number: $0) }
    cuts = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
    checkers = Checkers(checksDisks: options.checksDisksAtCommit)
    report = SimulationReport(seed: seed, weather: weather)
  }

  func run() {
    if options.defect == .losesSyncs { for member in members { member.disk.faults.losesSyncs = true } }
    for member in members.indices { start(member) }
    for client in clients.indices { queue.add(.clientTurn(client), at: Int64(300_000 + draw(below: 100_000))) }
    planFaults()
    while let (time, event) = queue.next() {
      now = time
      report.events += 1
      handle(event)
      if report.violation != nil || isOver { break }
      if report.events >= SimulationLimits.maxEvents {
        violate(.liveness, "still not at rest after \(report.events) events")
        break
      }
    }
    report.simulatedMicroseconds = now
    if report.violation == nil { checkEnd() }
    for member in members.indices { members[member].process?.journal.close() }
  }

  func handle(_ event: SimulationEvent) {
    if let member = event.member, members[member].isPaused {
      // A stopped process misses its ticks; what was sent to it waits in its sockets.
      if case .tick = event {
        if !members[member].backlog.contains(where: { if case .tick = $0 { true } else { false } }) {
          members[member].backlog.append(event)
        }
      } else {
        members[member].backlog.append(event)
      }
      return
    }
    switch event {
    case .tick(let member, let life): tick(member, life)
    case .deliver(let envelope): deliver(envelope)
    case .diskDone(let member, let life): diskDone(member, life)
    case .snapshotLost(let member, let life, let to): snapshotLost(member, life, to)
    case .request(let member, let request): take(request, at: member)
    case .answer(let client, let request, let answer): hear(answer, to: request, client)
    case .clientTurn(let client): act(client)
    case .clientGivesUp(let client, let request): giveUp(request, client)
    case .fault(let fault): strike(fault)
    case .mend(let pairs): mend(pairs)
    case .mendDisk(let member): members[member].extraDiskTime = 0
    case .resume(let member): resume(member)
    case .restart(let member): if members[member].process == nil { start(member) }
    case .faultsEnd: endFaults()
    case .checkRecovery: checkRecovery()
    }
  }

  // MARK: Chance and time

  func draw(below limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
  func chance(_ perThousand: Int) -> Bool { perThousand > 0 && draw(below: 1000) < perThousand }
  func schedule(_ event: SimulationEvent, in delay: Int64) { queue.add(event, at: now + delay) }

  // MARK: Telling

  func violate(_ rule: Violation.Rule, _ sentence: @autoclosure () -> String) {
    guard report.violation == nil else { return }
    report.violation = Violation(rule: rule, sentence: sentence(), time: now)
  }

  func note(_ line: @autoclosure () -> String) {
    guard options.keepsTrace else { return }
    if report.trace.count >= SimulationLimits.traceLines { report.trace.removeFirst(SimulationLimits.traceLines / 4) }
    report.trace.append("\(now / 1000).\(now % 1000 / 100) ms  \(line())")
  }

  func mix(_ value: UInt64) { report.digest = (report.digest ^ value) &* 0x0000_0100_0000_01B3 }
}
