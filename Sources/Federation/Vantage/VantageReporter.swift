import KubeClient
import KubeModel
import Logging
import Primitives
import Synchronization

/// Asks hosts for their role. Each call is one question and gives up by itself.
public protocol PeerProbe: Sendable {
  func ask(_ host: HostName) async -> ProbeAnswer
}

/// Asks every host of the other centers over and over, and writes what is seen into a Vantage: at once when a center changes, else every
/// ten
/// seconds. Runs all the time, so that the word is there before anybody needs it.
public final class VantageReporter: Sendable {
  private let client: KubeClient
  private let probe: any PeerProbe
  private let hosts: [CenterName: [HostName]]
  private let identity: VantageReport
  private let reports: HostReports
  private let clock: any TimeSource
  private let logger = Logger(label: "federation.vantage")
  private let state: Mutex<ProbeBoard>

  /// - Parameter hosts: those to be asked, by center.
  public init(
    client: KubeClient, probe: any PeerProbe, hosts: [CenterName: [HostName]], as identity: VantageReport,
    reports: HostReports = HostReports(), clock: any TimeSource = SystemClock()
  ) {
    var client: KubeClient = client
    client.followsRetryAfter = false
    client.requestTimeout = .milliseconds(1_000)
    self.client = client
    self.probe = probe
    self.hosts = hosts
    self.identity = identity
    self.reports = reports
    self.clock = clock
    state = Mutex(ProbeBoard(hosts: hosts, began: clock.now()))
  }

  public var board: ProbeBoard { state.withLock { $0 } }

  /// Runs until its task is cancelled.
  public func run() async {
    await withDiscardingTaskGroup { group in
      for host in hosts.values.flatMap({ $0 }) { group.addTask { await self.ask(host) } }
      group.addTask { await self.report() }
    }
  }

  private func ask(_ host: HostName) async {
    while !Task.isCancelled {
      let answer: ProbeAnswer = await probe.ask(host)
      let now: MonotonicTime = clock.now()
      state.withLock { $0.onAnswer(host, answer, at: now) }
      if case .silent = answer {
        try? await Task.sleep(for: VantageLimits.probeAgain)
      } else {
        try? await Task.sleep(for: VantageLimits.probeEvery)
      }
    }
  }

  private func report() async {
    var told: [String] = []
    var due: MonotonicTime = clock.now()
    var certificates: (at: MonotonicTime, all: [HostReports.Certificate])?
    while !Task.isCancelled {
      var report: VantageReport = identity
      let now: MonotonicTime = clock.now()
      let board: ProbeBoard = board
      report.look(board, now)
      report.store = reports.store().map { VantageReport.store($0) } ?? .null
      let sights: [String] = report.gist
      if now >= due || sights != told, board.knows(now) {
        // Eight small files: one that was renewed is to hold back a move no longer than the next report.
        if certificates.map({ now >= $0.at + VantageLimits.reportEvery }) ?? true { certificates = (now, await reports.certificates()) }
        report.certificates = certificates?.all ?? []
        report.dns = await reports.dns()
        if await write(report.object(now: clock.wall())) {
          told = sights
          due = now + (report.dns?.answered == false ? VantageLimits.reportAgain : report.interval)
        }
      }
      try? await Task.sleep(for: VantageLimits.reportPause)
    }
  }

  private func write(_ object: KubeObject) async -> Bool {
    do {
      _ = try await client.patch(.vantages, name: object.name, type: .merge, ["spec": object.spec])
      return true
    } catch let error as KubeError where error.code == .notFound {
      return await create(object)
    } catch {
      logger.debug("what is seen cannot be reported: \(error)")
      return false
    }
  }

  private func create(_ object: KubeObject) async -> Bool {
    do {
      _ = try await client.create(.vantages, object)
      return true
    } catch {
      logger.debug("the vantage cannot be made: \(error)")
      return false
    }
  }
}
