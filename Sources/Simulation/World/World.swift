import Keyspace
import Primitives
import Store

/// Seven hosts, the links between them, clients, watchers, an administrator, and the checkers that look on.
///
/// `@unchecked Sendable`: a world is made, run and left by one task; its parts hand `self` to closures that are called while it runs.
final class World: @unchecked Sendable {
  let seed: UInt64
  let options: SimulationOptions
  var random: SeededRandom
  let weather: Weather
  var now: Int64 = 0
  var queue = EventQueue()
  let hosts: [Host]
  /// Where a member is.
  var places: [MemberID: Int] = [:]
  var clients: [Client]
  var watchers: [Watcher]
  /// Of the epoch that is looked at; the others' are parked.
  var checkers: Checkers
  var parked: [UInt64: Checkers] = [:]
  var era: UInt64 = 0
  var newestEpoch: UInt64 = 0
  var founded: Set<UInt64> = []
  /// What the operator is given for each epoch that may have been founded.
  var certificates: [UInt64: (Recovery) -> RecoveryCertificate] = [:]
  /// The center whose members shall go on alone.
  var lostMajority: Int?
  /// How many cuts lie on the way from one host to another.
  var cuts: [[Int]]
  /// The link from one to another is known to be broken.
  var isBroken: [[Bool]]
  /// When the last frame that must arrive in order does so.
  var lastOrdered: [[Int64]]
  var isStormy: Bool = true
  var report: SimulationReport
  var productionDiedAt: Int64?
  /// One; one more for each leader outside production, which has to hand over to a better one, and for each whose disk kept it waiting for
  /// longer than a leader may wait.
  var neededElections: Int = 1
  var isOver: Bool = false
  var calmSince: Int64 = 0
  /// All was well once since then.
  var hasRecovered: Bool = false
  /// Acknowledged in this step, and to be looked at when the checkers know of everything that happened in it.
  var acknowledged: [(request: ClientRequest, host: Int)] = []
  /// Clients that were served after the last fault.
  var servedSinceCalm: Set<Int> = []
  /// The administrator waits for an answer until then.
  var adminWaitsUntil: Int64 = 0
  /// Where the one bad disk of this history is.
  let badHost: Int

  init(seed: UInt64, options: SimulationOptions) {
    self.seed = seed
    self.options = options
    var random = SeededRandom(seed: seed &* 0xD134_2543_DE82_EF95 &+ 1)
    let drawn = Weather(random: &random)
    if let kind = options.weatherKind, kind != drawn.kind {
      weather = Weather(kind: kind, random: &random)
    } else {
      weather = drawn
    }
    let kind: Weather.Kind = weather.kind
    func draw(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
    hosts = (0..<Layout.hostCount).map { place in
      let drift: Int = draw(2 * SimulationLimits.drift + 1) - SimulationLimits.drift
      return Host(
        place, disk: FaultyDisk(path: Layout.names[place]),
        clock: HostClock(offset: Int64(draw(1_000_000)) * 1_000_000, drift: Int64(drift)))
    }
    clients = (0..<SimulationLimits.clientCount).map { number in
      Client(number: number, holdsLeases: kind == .leases ? number < 3 : kind == .mixed && number == 0)
    }
    watchers = (0..<SimulationLimits.watcherCount).map { number in
      Watcher(
        number: number,
        range: number == 0
          ? KeyRange(key: [0], end: [0]) : KeyRange(key: ClientOperation.key(draw(2)), end: ClientOperation.key(2 + draw(5))))
    }
    let count: Int = Layout.hostCount
    cuts = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
    isBroken = [[Bool]](repeating: [Bool](repeating: false, count: count), count: count)
    lastOrdered = [[Int64]](repeating: [Int64](repeating: 0, count: count), count: count)
    badHost = draw(Layout.founderCount)
    self.random = random
    checkers = Checkers(checksDisks: options.checksDisksAtCommit, watchers: watchers)
    report = SimulationReport(seed: seed, weather: weather)
  }

  func run() {
    for host in 0..<Layout.founderCount {
      hosts[host].id = Layout.founders[host].id
      hosts[host].configuration = configuration(of: host, Layout.founders)
      places[Layout.founders[host].id] = host
      if options.defect == .losesSyncs { hosts[host].disk.losesSyncs = true }
      start(host)
    }
    for client in clients.indices { queue.add(.clientTurn(client), at: Int64(350_000 + draw(below: 100_000))) }
    for watcher in watchers.indices { queue.add(.watchTurn(watcher), at: Int64(300_000 + draw(below: 400_000))) }
    if [.members, .joint, .shrink, .recovery].contains(weather.kind) { queue.add(.adminTurn, at: 600_000) }
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
    for host in hosts { stop(host) }
  }

  func handle(_ event: SimulationEvent) {
    if let host = event.host {
      if hosts[host].isPaused { return keep(event, host) }
      hosts[host].clock.set(now)
      enter(hosts[host].epoch)
    }
    switch event {
    case .tick(let host, let life): tick(host, life)
    case .deliver(let from, let to, let epoch, let frame): deliver(frame, from: from, to: to, epoch)
    case .superseded(let host, let life, let proof):
      if hosts[host].life == life, let process = hosts[host].process, process.member.heeds(proof) { restart(host, .rejoin(proof)) }
    case .linkChanged(let host, let life, let other, let up): linkChanged(host, life, other, up)
    case .refused(let host, let life): if hosts[host].life == life { leave(hosts[host]) }
    case .diskDone(let host, let life): diskDone(host, life)
    case .lookForSpace(let host, let life): lookForSpace(host, life)
    case .request(let host, let request): take(request, at: host)
    case .answer(let client, let request, let answer): hear(answer, to: request, client)
    case .clientTurn(let client): act(client)
    case .clientGivesUp(let client, let request): giveUp(request, client)
    case .watchTurn(let watcher): turn(watcher)
    case .watchTold(let watcher, let generation, let result): told(watcher, generation, result)
    case .adminTurn: weather.kind == .recovery ? recover() : administer()
    case .fault(let fault): strike(fault)
    case .mend(let pairs): mend(pairs)
    case .mendDisk(let host): hosts[host].extraDiskTime = 0
    case .freeSpace(let host): hosts[host].disk.space = .plenty
    case .resume(let host): resume(host)
    case .restart(let host): if hosts[host].process == nil, !hosts[host].isGone { start(host) }
    case .majorityLost(let center): if isStormy { lostMajority = center }
    case .faultsEnd: endFaults()
    case .checkRecovery: checkRecovery()
    }
  }

  /// A stopped process misses its ticks; what was sent to it waits in its sockets.
  private func keep(_ event: SimulationEvent, _ host: Int) {
    if case .tick = event, hosts[host].backlog.contains(where: { if case .tick = $0 { true } else { false } }) { return }
    hosts[host].backlog.append(event)
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
