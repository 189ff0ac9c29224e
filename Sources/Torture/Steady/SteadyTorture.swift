import Dispatch
import Glibc
import Histories
import Lab
import Primitives
import Site
import TLS

/// Five members in the lab's network under full load for as long as one likes, with disks that stand still now and then: no election comes
/// that was not needed.
public struct SteadyTorture: Sendable {
  public var seed: UInt64
  public var seconds: Double
  public var clientsPerMember: Int = 13
  public var stall: Duration = .milliseconds(250)
  /// The mean time between two stalls.
  public var every: Duration = .seconds(5)
  public var directory: String
  public var program: String
  public var progress: @Sendable (String) -> Void = { _ in }
  public let stopping = StoreTorture.Stopping()

  private let clock = SystemClock()

  public init(seed: UInt64, seconds: Double, directory: String, program: String) {
    self.seed = seed
    self.seconds = seconds
    self.directory = directory
    self.program = program
  }

  /// What keeps it from being run here; nil if nothing does. A run without real stalls would show nothing.
  public static func obstacle(_ entry: MachineEntry.Choice) -> String? {
    if case .loopback(let reason) = entry { return reason }
    guard geteuid() == 0 else { return "loop devices need root" }
    return MemberDisk.stallObstacle()
  }

  /// A minute of history: at full load more would be measured as memory.
  private static let options: [String] = [
    "--log-level", "info", "--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1m",
  ]

  /// Throws `TortureError` when there is nothing to judge.
  public func run() async throws -> SteadyReport {
    try LabDirectory.make(directory)
    let folder = LabDirectory(path: "\(directory)/lab")
    try LabDirectory.make(folder.path)
    let siteFile = "\(directory)/site.yaml"
    try LabDirectory.write(TortureLayout.siteText, to: siteFile)
    try await MachineEntry.settle()
    let lab: Lab = try .prepare(directory: folder, siteFile: siteFile, mode: .namespaces, program: program)
    let ground = MachineGround(lab: lab, disk: .image(TortureLimits.steadyDiskBytes))
    let members = Members(ground: ground, program: program, options: Self.options)
    do { try await ground.prepare() } catch {
      await ground.tearDown()
      throw error
    }
    let looking: Task<Void, Never> = Task {
      while !Task.isCancelled {
        members.look()
        try? await Task.sleep(for: .milliseconds(10))
      }
    }
    let outcome: Result<SteadyReport, any Error>
    do { outcome = .success(try await load(ground, members)) } catch { outcome = .failure(error) }
    looking.cancel()
    await looking.value
    members.endAll()
    await ground.tearDown()
    return try outcome.get()
  }

  private func load(_ ground: MachineGround, _ members: Members) async throws -> SteadyReport {
    let pki = FederationPKI(directory: ground.lab.directory.pki)
    let person: (certificate: String, key: String) = pki.files(person: "admin")
    let tls: TLSContext = try .client(
      identity: .files(certificate: person.certificate, key: person.key), trust: .file(pki.authorityCertificate),
      applicationProtocols: ["h2"])
    let api: @Sendable (Int) -> MemberAPI = { MemberAPI($0, at: ground.clientAddress($0), tls: tls) }
    let apis: [MemberAPI] = TortureLayout.members.indices.map(api)
    defer { for api in apis { api.close() } }
    let ready: (silent: [Int], took: Duration) = await Ending(apis: apis, recorder: Recorder()).waitUntilServing(seconds: 120)
    guard ready.silent.isEmpty else {
      throw TortureError(
        .notReady, "\(ready.silent.map { TortureLayout.members[$0].name }) did not serve within 120 s. \(members.problems)")
    }
    let clock: SystemClock = self.clock
    let begin: MonotonicTime = clock.now()
    let now: @Sendable () -> Moment = { (clock.now() - begin).inNanoseconds }
    let lookout = SteadyLookout(apis: apis, now: now)
    let clients = SteadyClients(api: api)
    let wide: pid_t? = ground.lab.wideAreaProcess
    let processes: @Sendable () -> [(place: ElectionJudge.Place, pid: pid_t)] = {
      var found: [(place: ElectionJudge.Place, pid: pid_t)] = []
      for member in TortureLayout.members.indices {
        if let pid: pid_t = members.pid(member) { found.append((.member(member), pid)) }
      }
      if let wide { found.append((.wideArea, wide)) }
      return found
    }
    let starvation = StarvationWatch(processes: processes, now: now)
    DispatchQueue(label: "starvation").async { starvation.run() }
    let asking: Task<Void, Never> = Task { await lookout.run() }
    let (perMember, seed) = (clientsPerMember, seed)
    let working: Task<Void, Never> = Task { await clients.run(perMember: perMember, seed: seed &+ 1) }
    progress("all serve; warming up for \(Int(TortureLimits.warmUpSeconds)) s")
    await wait(until: Moment(TortureLimits.warmUpSeconds * 1e9), now)
    lookout.beginCounting()
    clients.beginCounting()
    let zero: Moment = now()
    let plan = StallPlan(seed: seed, seconds: seconds, every: every, members: TortureLayout.members.count)
    let conductor = StallConductor(
      plan: plan, disks: TortureLayout.members.indices.map(ground.disk), stall: stall, now: now, leader: { lookout.seen.leader })
    progress("\(plan.stalls.count) stalls of \(stall) to come in \(Int(seconds)) s, seed \(seed)")
    let stalling: Task<Void, Never> = Task { await conductor.run(from: zero) }
    let telling: Task<Void, Never> = Task { await tell(clients, lookout, conductor, now, zero) }
    await wait(until: zero + Moment(seconds * 1e9), now)
    stalling.cancel()
    await stalling.value
    telling.cancel()
    let counts: SteadyClients.Counts = clients.counts
    let took: Double = Double(now() - zero) / 1e9
    working.cancel()
    await working.value
    asking.cancel()
    await asking.value
    starvation.stop()
    var judge = ElectionJudge(priorities: TortureLayout.members.map { 3 - $0.center })
    judge.stalls = conductor.done.spells
    judge.starvation = starvation.spells
    return SteadyReport(
      seed: seed, seconds: took, stall: stall, clients: clientsPerMember * TortureLayout.members.count, counts: counts,
      seen: lookout.seen, stalls: conductor.done, judge: judge, zero: zero, problems: members.problems + conductor.done.problems)
  }

  private func wait(until end: Moment, _ now: @Sendable () -> Moment) async {
    while now() < end, !stopping.isSet { try? await Task.sleep(for: .milliseconds(50)) }
  }

  /// A line every half minute.
  private func tell(
    _ clients: SteadyClients, _ lookout: SteadyLookout, _ conductor: StallConductor, _ now: @Sendable () -> Moment, _ zero: Moment
  ) async {
    var last: (at: Moment, writes: Int) = (now(), 0)
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(30))
      let (at, counts, seen) = (now(), clients.counts, lookout.seen)
      let rate: Double = Double(counts.writes - last.writes) / (Double(at - last.at) / 1e9)
      last = (at, counts.writes)
      progress(
        "minute \(TortureReport.minutes(at - zero)): \(Int(rate)) writes/s, \(seen.elections.count) elections, term \(seen.term), \(conductor.done.spells.count) stalls, longest silence \(Int(seen.longestSilence.max() ?? 0)) ms, longest pause \(Int(seen.longestPause.max() ?? 0)) ms"
      )
    }
  }
}
