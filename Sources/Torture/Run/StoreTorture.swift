import Glibc
import Histories
import Lab
import Logging
import Primitives
import Synchronization
import TLS

/// Five members as real processes, clients in every center, faults from a seed; in the end the rules decide.
public struct StoreTorture: Sendable {
  public var seed: UInt64
  public var seconds: Double
  /// Of one center's members; lease holders and watchers come on top.
  public var clientsPerMember: Int = 3
  /// An empty or missing folder; removed again after a run without violations.
  public var directory: String
  /// This program.
  public var program: String
  /// Why members run on loopback; nil: inside a machine that `MachineEntry` has made.
  public var loopback: String?
  public var progress: @Sendable (String) -> Void = { _ in }
  /// Set from outside to see the end early.
  public let stopping: Stopping = Stopping()

  /// Ends a run early: faults end, and what was recorded is judged.
  public final class Stopping: Sendable {
    private let flag: Atomic<Bool> = Atomic(false)
    public func stop() { flag.store(true, ordering: .relaxed) }
    var isSet: Bool { flag.load(ordering: .relaxed) }
  }

  public init(seed: UInt64, seconds: Double, directory: String, program: String, loopback: String?) {
    self.seed = seed
    self.seconds = seconds
    self.directory = directory
    self.program = program
    self.loopback = loopback
  }

  /// Throws `TortureError` when there is nothing to judge: members did not come up at all.
  public func run() async throws -> TortureReport {
    let ground: any Ground = try await makeGround()
    let members = Members(ground: ground, program: program)
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
    do {
      let report: TortureReport = try await torture(ground, members)
      looking.cancel()
      await looking.value
      members.endAll()
      await ground.tearDown()
      return report
    } catch {
      looking.cancel()
      await looking.value
      members.endAll()
      await ground.tearDown()
      throw error
    }
  }

  private func makeGround() async throws -> any Ground {
    try LabDirectory.make(directory)
    let folder = LabDirectory(path: "\(directory)/lab")
    try LabDirectory.make(folder.path)
    let siteFile = "\(directory)/site.yaml"
    try LabDirectory.write(TortureLayout.siteText, to: siteFile)
    if loopback == nil { try await MachineEntry.settle() }
    let lab: Lab = try .prepare(
      directory: folder, siteFile: siteFile, mode: loopback.map { .loopback(reason: $0) } ?? .namespaces, program: program)
    if let loopback { return try LoopbackGround(lab: lab, reason: loopback) }
    return MachineGround(lab: lab)
  }

  private func torture(_ ground: any Ground, _ members: Members) async throws -> TortureReport {
    let pki = FederationPKI(directory: ground.lab.directory.pki)
    let person: (certificate: String, key: String) = pki.files(person: "admin")
    let tls: TLSContext = try .client(
      identity: .files(certificate: person.certificate, key: person.key), trust: .file(pki.authorityCertificate),
      applicationProtocols: ["h2"])
    let api: @Sendable (Int) -> MemberAPI = { MemberAPI($0, at: ground.clientAddress($0), tls: tls) }
    let apis: [MemberAPI] = TortureLayout.members.indices.map(api)
    defer { for api in apis { api.close() } }
    progress("\(ground.name); starting \(apis.count) members")
    let ready: (silent: [Int], took: Duration) = await Ending(apis: apis, recorder: Recorder()).waitUntilServing(seconds: 90)
    guard ready.silent.isEmpty else {
      let names: [String] = ready.silent.map { TortureLayout.members[$0].name }
      throw TortureError(
        .notReady, "\(names.joined(separator: ", ")) did not serve within 90 s; see \(ground.lab.directory.logs). \(members.problems)")
    }

    let recorder = Recorder()
    let lookout = Lookout(apis: apis, recorder: recorder)
    let crowd = Crowd(api: api, members: members, recorder: recorder, seed: seed, clientsPerMember: clientsPerMember)
    let plan = FaultPlan(seed: seed, seconds: seconds, kinds: ground.kinds)
    let conductor = FaultConductor(plan: plan, ground: ground, members: members, recorder: recorder) { lookout.leader }
    recorder.beginCounting()
    progress("\(plan.injections.count) faults in \(Int(seconds)) s, seed \(seed)")
    let watching: Task<Void, Never> = Task { await crowd.watch() }
    let clients: Task<Void, Never> = Task { await crowd.work() }
    let asking: Task<Void, Never> = Task { await lookout.run() }
    let telling: Task<Void, Never> = Task { await tell(recorder, lookout) }
    let done: [FaultConductor.Done] = await conductor.run()
    while recorder.now() < Moment(seconds * 1e9), !recorder.isStopped { try? await Task.sleep(for: .milliseconds(50)) }
    telling.cancel()

    let ending = Ending(apis: apis, recorder: recorder)
    let recovery: (silent: [Int], took: Duration) = await ending.waitUntilServing(seconds: TortureLimits.recoverySeconds)
    let counts: Recorder.Counts = recorder.counts
    clients.cancel()
    await clients.value
    asking.cancel()
    var problems: [String] = recovery.silent.map {
      "\(TortureLayout.members[$0].name) does not serve within \(TortureLimits.recoverySeconds) s after the last fault was undone"
    }
    progress("faults undone, all serving after \(Int(recovery.took.inMilliseconds)) ms; reading all histories")
    await ending.waitForLeases(seconds: 15)
    let until: Moment
    do {
      let revision: Int64 = try await ending.lastWrite()
      until = recorder.now()
      problems += await crowd.finish(watching, upTo: revision)
      problems += await ending.problems(at: revision)
    } catch {
      watching.cancel()
      await watching.value
      throw error
    }
    problems += members.problems
    progress("judging")
    let history: History = recorder.history
    let verdict: Judge.Verdict = Judge(leasePatience: 10_000_000_000).judge(history, until: until)
    return TortureReport(
      seed: seed, seconds: Double(until) / 1e9, ground: ground.name, missing: ground.missing, counts: counts, done: done,
      recovery: recovery.took, restarts: members.endedByThemselves, problems: problems, verdict: verdict, history: history)
  }

  /// A line every five seconds; and the way in for whoever wants to stop.
  private func tell(_ recorder: Recorder, _ lookout: Lookout) async {
    var next: Moment = 5_000_000_000
    var last: (at: Moment, answered: Int) = (0, 0)
    while !Task.isCancelled {
      if stopping.isSet { recorder.stop() }
      let now: Moment = recorder.now()
      if now >= next {
        next += 5_000_000_000
        let counts: Recorder.Counts = recorder.counts
        let rate: Double = Double(counts.answered - last.answered) / (Double(now - last.at) / 1e9)
        last = (now, counts.answered)
        let leader: String = lookout.leader.map { TortureLayout.members[$0].name } ?? "nobody"
        progress(
          "minute \(TortureReport.minutes(now)): \(counts.faults) faults, \(Int(rate)) calls/s, \(counts.unknown) of unknown outcome, \(counts.elections.count) elections, \(leader) leads, longest write gap \(counts.longestWriteGap / 1_000_000) ms"
        )
      }
      try? await Task.sleep(for: .milliseconds(100))
    }
  }
}
