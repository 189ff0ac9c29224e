import Federation
import KubeClient
import KubeModel
import Primitives
import Site
import Store
import TLS

/// The way from a lost majority to a cluster that runs in the surviving center, phase by phase. Every phase looks first what a run before
/// has done.
struct DisasterRecovery: Sendable {
  let setting: HostSetting
  let cluster: ClusterPlan
  /// Members everywhere, so that a majority that is there is seen; and the survivors alone, who answer at once.
  let all: RecoveryTool
  let own: RecoveryTool
  let signs: LifeSigns
  let client: KubeClient
  let by: String
  let folder: String
  let drill: String?
  let limit: Duration
  let clock = SystemClock()

  var center: CenterName { setting.center.name }

  /// Never throws: what went wrong is in the outcome.
  func run(isDryRun: Bool) async -> DisasterOutcome {
    var outcome = DisasterOutcome(cluster: cluster.name, center: center.value, isDryRun: isDryRun)
    let started: MonotonicTime = clock.now()
    do {
      let conditions: DisasterConditions = await look(&outcome, started)
      if isDryRun {
        outcome.steps = conditions.steps(activeCenter: outcome.before?.center)
        let blocked: Int = outcome.findings.blocking.count
        outcome.outcome = blocked == 0 ? .done : .refused
        outcome.message =
          (blocked == 0 ? "Nothing stands against it." : "\(blocked) conditions stand against it.") + " Nothing was done: a dry run."
        return outcome
      }
      guard outcome.findings.blocking.isEmpty else {
        outcome.outcome = .refused
        outcome.message =
          "Refused: " + outcome.findings.blocking.map(\.measured).joined(separator: "; ") + ". Nothing was changed."
        return outcome
      }
      let epoch: UInt64 = try await recover(&outcome, isRecovered: conditions.isRecovered, started)
      try await answering(&outcome, epoch, started)
      try await activate(&outcome, epoch, started)
      try await workload(&outcome, started)
      outcome.outcome = .done
      let place: String = outcome.after.map { "\($0.center) is active for \(cluster.name), epoch \($0.epoch)" } ?? ""
      outcome.message = "\(place). It took \((clock.now() - started).inNanoseconds / 1_000_000) ms."
      outcome.next = conditions.next(epoch: epoch, others: cluster.order.filter { $0 != center })
    } catch let failure as CommandFailure {
      (outcome.outcome, outcome.message) = (failure.outcome, failure.description)
    } catch let error as StoreError {
      (outcome.outcome, outcome.message) = (error.code == .refused ? .refused : .failed, "\(error.message) Run it again.")
    } catch {
      (outcome.outcome, outcome.message) = (.failed, "\(sentence(of: error)) Run it again: what was done is not done twice.")
    }
    return outcome
  }

  /// Times count from the end of the phase before.
  func end(_ phase: String, _ detail: String, _ outcome: inout DisasterOutcome, _ started: MonotonicTime) {
    let total: Int64 = (clock.now() - started).inNanoseconds / 1_000_000
    let before: Int64 = outcome.phases.reduce(0) { $0 + $1.milliseconds }
    outcome.phases.append(.init(name: phase, milliseconds: total - before, detail: detail))
    say("\(phase): \(detail)", started)
  }

  func say(_ line: String, _ started: MonotonicTime) {
    printError("[\((clock.now() - started).inNanoseconds / 1_000_000) ms] \(line)")
  }

  // MARK: Looking

  /// Members follow their dead leader for an election's time: what only they say is looked at again before it counts.
  private func look(_ outcome: inout DisasterOutcome, _ started: MonotonicTime) async -> DisasterConditions {
    var conditions = DisasterConditions(cluster: cluster.name, center: center)
    for attempt in 1...DisasterLimits.looks {
      say("asking every host outside \(center), and every member of the store", started)
      let reports: [SurvivorReport] = await all.reports().reports
      conditions.signs = await signs.look(reports)
      conditions.isRecovered = isRecovered(reports)
      conditions.objections = RecoveryPlan.objections(center: center, reports: reports)
      guard conditions.signs.isEmpty, !conditions.objections.isEmpty, !conditions.isRecovered, attempt < DisasterLimits.looks else {
        outcome.storeEpoch = reports.map(\.epoch).max()
        if !conditions.isRecovered, let plan = try? RecoveryPlan(center: center, clusterName: cluster.name, reports: reports) {
          let certificate = RecoveryCertificate(plan, center: center, time: clock.wall(), by: by, isDryRun: true)
          outcome.certificate = (certificate.json, certificate.text)
        }
        break
      }
      try? await Task.sleep(for: DisasterLimits.lookPause)
    }
    (conditions.facts, outcome.before) = await facts()
    outcome.findings = conditions.findings
    let blocking: [Finding] = outcome.findings.blocking
    end("look", blocking.isEmpty ? "nobody outside \(center) answers" : "\(blocking.count) conditions stand against it", &outcome, started)
    return conditions
  }

  /// The survivors lead themselves already.
  private func isRecovered(_ reports: [SurvivorReport]) -> Bool {
    let members: Set<MemberID> = Set(reports.flatMap(\.members).filter { $0.center == center.value }.map(\.id))
    return !reports.isEmpty
      && reports.allSatisfy { report in
        report.epoch > 0 && report.record?.center == center.value && report.leader.map(members.contains) ?? false
          && report.voters.allSatisfy(members.contains)
      }
  }

  /// From the caches of the center's apiservers, which need no majority for that.
  private func facts() async -> (ReadinessFacts?, ActivationRecord?) {
    func all(_ resource: ResourceName) async throws -> [KubeObject] { try await client.list(resource, resourceVersion: "0").items }
    let name: String = ActivationRecord.name(cluster: cluster.name)
    let lease: KubeObject? = try? await client.find(.leases, namespace: ActivationRecord.namespace, name: name, cached: true)
    let record: ActivationRecord? = lease.flatMap { try? ActivationRecord($0) }
    do {
      var hosts: [CenterName: [HostName]] = [:]
      for center in setting.site.centers { hosts[center.name] = center.hosts.map(\.name) }
      var facts = ReadinessFacts(
        cluster: cluster.name, order: cluster.order, hosts: hosts, active: record?.center, now: clock.wall())
      facts.nodes = try await all(.nodes)
      facts.pods = try await all(.pods)
      facts.centers = try await all(.centers)
      facts.gates = try await all(.gates)
      facts.drills = try await all(.drills)
      return (facts, record)
    } catch {
      return (nil, record)
    }
  }

  // MARK: The store

  private func recover(_ outcome: inout DisasterOutcome, isRecovered: Bool, _ started: MonotonicTime) async throws -> UInt64 {
    guard !isRecovered else {
      let epoch: UInt64 = outcome.storeEpoch ?? 0
      // What the run before wrote, the plan at least: whoever it was broken off under.
      let stem = "\(folder)/\(DisasterObjects.certificateName(epoch))"
      if let json: String = try? SecretFile.read("\(stem).json").text, let text: String = try? SecretFile.read("\(stem).txt").text {
        (outcome.certificate, outcome.files) = ((json, text), ["\(stem).json", "\(stem).txt"])
      }
      end("recover", "the store was recovered before, epoch \(epoch)", &outcome, started)
      return epoch
    }
    // Before anything is changed: whoever finds this command broken off finds what it was about to do.
    let epoch: UInt64 = (outcome.storeEpoch ?? 0) + 1
    let names: (json: String, text: String) = (
      "\(DisasterObjects.certificateName(epoch)).json", "\(DisasterObjects.certificateName(epoch)).txt"
    )
    if let plan = outcome.certificate {
      try StoreRecoverCommand.write(plan.json + "\n", names.json, folder)
      try StoreRecoverCommand.write(plan.text, names.text, folder)
    }
    say("recovering the store, epoch \(epoch)", started)
    let certificate: RecoveryCertificate = try await all.recover(
      center: center, clusterName: cluster.name, by: by, time: clock.wall(), isDryRun: false)
    outcome.storeEpoch = certificate.epoch
    outcome.certificate = (certificate.json, certificate.text)
    try StoreRecoverCommand.write(certificate.json + "\n", names.json, folder)
    try StoreRecoverCommand.write(certificate.text, names.text, folder)
    outcome.files = ["\(folder)/\(names.json)", "\(folder)/\(names.text)"]
    end(
      "recover",
      "the store goes on, epoch \(certificate.epoch); revisions \(certificate.firstLostRevision) to \(certificate.lastLostRevision) may be lost",
      &outcome, started)
    try await own.awaitLeader(center: center, epoch: certificate.epoch, patience: .seconds(30))
    end("leader", "the survivors have a leader and take writes", &outcome, started)
    return certificate.epoch
  }

  // MARK: The API

  /// Asks again while the apiservers come to terms with the recovered store.
  func patiently<Value: Sendable>(_ deadline: MonotonicTime, _ body: @Sendable () async throws -> Value) async throws -> Value {
    while true {
      do {
        return try await body()
      } catch let error as KubeError where !error.isRefusal && ![.notFound, .alreadyExists, .conflict].contains(error.code) {
        guard clock.now() < deadline else {
          throw CommandFailure(.unknown, "No apiserver of \(center) answers from the recovered store: \(error.message) Run it again.")
        }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  func record() async throws -> ActivationRecord? {
    try await client.find(.leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: cluster.name))
      .map { try ActivationRecord($0) }
  }

  /// Waits until the API answers, and leaves certificate and decision there.
  private func answering(_ outcome: inout DisasterOutcome, _ epoch: UInt64, _ started: MonotonicTime) async throws {
    let deadline: MonotonicTime = clock.now() + limit
    let before: ActivationRecord? = try await patiently(deadline) { try await record() }
    outcome.before = before
    if let certificate = outcome.certificate, !outcome.files.isEmpty {
      try await make(.configMaps, DisasterObjects.certificate(epoch, json: certificate.json, text: certificate.text), deadline)
    }
    let decision: KubeObject = DisasterObjects.decision(
      cluster: cluster.name, center: center, storeEpoch: epoch, by: by, record: before, findings: outcome.findings, host: setting.host.name,
      now: clock.wall())
    try await make(.decisions, decision, deadline)
    end(
      "api", "the API answers; the decision and the certificate are in it (Decision/\(decision.name))", &outcome, started)
  }

  /// What is there already was made by a run before, or its answer was lost.
  private func make(_ resource: ResourceName, _ object: KubeObject, _ deadline: MonotonicTime) async throws {
    try await patiently(deadline) {
      do {
        _ = try await client.create(resource, object)
      } catch let error as KubeError where error.code == .alreadyExists {
        return
      }
    }
  }
}

enum DisasterLimits {
  /// How often the members are asked while nobody else answers and they say that they have a leader, and the pause between: an election's
  /// patience is over by then.
  static let looks: Int = 4
  static let lookPause: Duration = .seconds(1)
  /// Failovers that one recovery asks for: those before were refused.
  static let failovers: Int = 20
}
