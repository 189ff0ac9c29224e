import Logging
import Observability
import Primitives
import Processes

/// The one writer of the table. Every write is one transaction, and rules and lease elements touch different sets.
actor ProxyTable {
  /// Runs nft on a script.
  typealias Writer = @Sendable (_ script: String, _ timeout: Duration) async throws -> Void

  private var applied: RuleSet?
  private var timer = LeaseTimer()
  private var lastPermission: ServiceProxy.Permission = .denied
  private let clock: any TimeSource
  private let write: Writer
  private let logger = Logger(label: "proxy")

  init(clock: any TimeSource, write: @escaping Writer = ProxyTable.nft) {
    self.clock = clock
    self.write = write
  }

  /// Whether the kernel filters bridges' frames (nftables' family `bridge`, CONFIG_NF_TABLES_BRIDGE). Asked by making a
  /// table that goes with the same transaction.
  func filtersBridges() async -> Bool {
    let probe: String = RuleSet.bridgeProbe
    do {
      try await write(probe, ProxyLimits.nftTimeout)
      return true
    } catch {
      logger.warning("this kernel has no nftables for bridges: traffic from pod to pod of one host is not fenced by it (\(error))")
      return false
    }
  }

  func apply(_ wanted: RuleSet) async throws {
    guard wanted != applied else { return }
    let began: MonotonicTime = clock.now()
    var script: String
    var renews: Bool = false
    if let applied {
      script = wanted.changes(from: applied)
    } else {
      script = wanted.replacing()
      timer.onTableReplaced()
      if case .allowed(let until) = lastPermission, let action = timer.onAllowed(until: until, now: began) {
        script += LeaseTimer.script(action, bridge: !wanted.bridge.isEmpty)
        renews = action != .remove
      }
    }
    do {
      try await write(script, ProxyLimits.nftTimeout)
    } catch {
      // What stands in the table is unknown now: the next try writes all of it.
      applied = nil
      if renews {
        timer.onFailed()
        // Killed in its run, it may have been carried out just before, far too late.
        try? await write(LeaseTimer.script(.remove, bridge: !wanted.bridge.isEmpty), ProxyLimits.leaseRemoval)
      }
      throw error
    }
    applied = wanted
    // Too late: the next permission writes the elements again. What was said meanwhile is said again as well, with every read.
    if renews { _ = timer.onWritten(took: clock.now() - began) }
  }

  func follow(_ permission: ServiceProxy.Permission) async {
    lastPermission = permission
    guard applied != nil else { return }
    let wasOpen: Bool = timer.writtenUntil != nil
    for _ in 0..<ProxyLimits.leaseTries {
      let began: MonotonicTime = clock.now()
      guard let action: LeaseTimer.Action = next(permission, began) else { return }
      guard await carryOut(action) else { return }
      guard action != .remove else { return closed() }
      let took: Duration = clock.now() - began
      if timer.onWritten(took: took) {
        if !wasOpen { EventLog.shared.record("fence.open") }
        return
      }
      logger.warning("nft took \(Int(took.inMilliseconds)) ms: the fence's lease is written again")
    }
    if let action: LeaseTimer.Action = timer.onDenied(), await carryOut(action) { closed() }
  }

  private func next(_ permission: ServiceProxy.Permission, _ now: MonotonicTime) -> LeaseTimer.Action? {
    switch permission {
    case .allowed(let until): timer.onAllowed(until: until, now: now)
    case .denied: timer.onDenied()
    }
  }

  private func carryOut(_ action: LeaseTimer.Action) async -> Bool {
    do {
      try await write(LeaseTimer.script(action, bridge: applied?.bridge.isEmpty == false), timer.timeout(action))
      return true
    } catch {
      // The elements that are there expire by themselves, and the next permission tries again.
      timer.onFailed()
      logger.error("the fence's lease cannot be written: \(error)")
      return false
    }
  }

  private func closed() {
    logger.warning("traffic of exclusive pods is stopped")
    EventLog.shared.record("fence.closed")
  }

  static func nft(_ script: String, timeout: Duration) async throws {
    let outcome: Command.Outcome = try await Command(["nft", "-f", "-"], input: Bytes(script), timeout: timeout).outcome()
    guard outcome.status == 0 else {
      throw ProxyError(.nftables, "nft refused a change: \(outcome.errors.text.split(separator: "\n").prefix(3).joined(separator: " "))")
    }
  }
}
