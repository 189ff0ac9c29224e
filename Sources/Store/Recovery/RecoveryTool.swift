import Keyspace
import NIOCore
import Primitives
import SiteLink

/// From the outside: asks the members of a store that lost its majority, and tells the survivors what to do. Reaches them over the link's
/// port with a store's certificate.
public struct RecoveryTool: Sendable {
  public struct Target: Hashable, Sendable {
    public var name: HostName
    public var host: String
    public var port: Int
    public init(name: HostName, host: String, port: Int) {
      self.name = name
      self.host = host
      self.port = port
    }
  }

  private let targets: [Target]
  private let tls: LinkTLS
  private let eventLoop: any EventLoop

  /// - Parameter targets: all members of all centers, so that a majority that is there is seen.
  public init(targets: [Target], tls: LinkTLS, eventLoop: any EventLoop) {
    self.targets = targets
    self.tls = tls
    self.eventLoop = eventLoop
  }

  private func order(_ order: StoreOrder, _ target: Target, patience: Duration? = nil) async throws -> Bytes {
    let answer: Bytes = try await SiteLink.ask(
      host: target.host, port: target.port, request: order.encode(), patience: patience, tls: tls, eventLoop: eventLoop)
    return try StoreOrderAnswer(answer).result.get()
  }

  /// Who answers, and why the others do not.
  public func reports() async -> (reports: [SurvivorReport], silent: [(name: HostName, reason: String)]) {
    await withTaskGroup(of: (Target, Result<SurvivorReport, any Error>).self) { group in
      for target in targets {
        group.addTask {
          do { return (target, .success(try SurvivorReport(try await self.order(.report, target)))) } catch {
            return (target, .failure(error))
          }
        }
      }
      var reports: [SurvivorReport] = []
      var silent: [(name: HostName, reason: String)] = []
      for await (target, result) in group {
        switch result {
        case .success(let report): reports.append(report)
        case .failure(let error):
          silent.append((target.name, (error as? LinkError)?.message ?? (error as? StoreError)?.message ?? "\(error)"))
        }
      }
      return (reports.sorted { $0.memberID < $1.memberID }, silent.sorted { $0.name < $1.name })
    }
  }

  /// Makes the survivors of `center` a new cluster. With `isDryRun` only says what would be.
  /// - Throws: `StoreError` `.refused` when it must not be; otherwise what failed on the way: it may be run again.
  public func recover(center: CenterName, clusterName: String, by: String, time: WallTime, isDryRun: Bool) async throws
    -> RecoveryCertificate
  {
    let plan = try RecoveryPlan(center: center, clusterName: clusterName, reports: await reports().reports)
    guard !isDryRun else { return RecoveryCertificate(plan, center: center, time: time, by: by, isDryRun: true) }
    let founding = FoundingOrder(plan, time: time, by: by)
    // The others first: from then on no old member is believed by any survivor, and if this ends here, the next run goes on from there.
    for follower in plan.followers {
      _ = try await order(
        .follow(epoch: plan.epoch, mark: founding.mark), try target(of: follower), patience: StoreLimits.recoveryPatience)
    }
    let answer: Bytes = try await order(
      .found(founding), try target(of: plan.successor), patience: StoreLimits.recoveryPatience)
    var reader = ByteReader(answer)
    return RecoveryCertificate(plan, center: center, time: time, by: by, isDryRun: false, recovery: try Recovery(from: &reader))
  }

  private func target(of report: SurvivorReport) throws(StoreError) -> Target {
    guard let target: Target = targets.first(where: { $0.name.value == report.name }) else {
      throw StoreError(.refused, "\(report.name) answered, and none of the addresses given is its own")
    }
    return target
  }

  /// Returns when a survivor leads and all of the center that answered follow it; throws `.refused` with what is missing otherwise.
  public func awaitLeader(center: CenterName, epoch: UInt64, patience: Duration) async throws {
    let clock = SystemClock()
    let deadline: MonotonicTime = clock.now() + patience
    while true {
      let own: [SurvivorReport] = await reports().reports.filter { $0.record?.center == center.value }
      if own.contains(where: { $0.epoch == epoch }), own.allSatisfy({ $0.epoch == epoch && $0.leader != nil }) { return }
      guard clock.now() < deadline else {
        let open: [String] = own.filter { $0.leader == nil }.map(\.name)
        throw StoreError(.refused, "after \(patience) no leader is known to \(open.joined(separator: ", ")): see their logs")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Asks whoever answers first to carry out a change of votes.
  public func shrink(center: CenterName, hold: Bool) async throws {
    try await anyMember(.change(.shrink(Shrink(center: center.value, isHeld: hold, since: SystemClock().wall()))))
  }

  public func regrow(center: CenterName) async throws { try await anyMember(.change(.regrow(center: center.value))) }

  private func anyMember(_ order: StoreOrder) async throws {
    var reasons: [String] = []
    for target in targets {
      do {
        _ = try await self.order(order, target, patience: StoreLimits.recoveryPatience)
        return
      } catch let error as LinkError where error.code == .cannotConnect {
        reasons.append(error.message)
      }
    }
    throw StoreError(.refused, "No member can be reached. \(reasons.joined(separator: " "))")
  }
}
