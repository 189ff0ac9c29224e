import Logging
import Observability
import Primitives
import Processes

/// The one writer of the table. Every write is one transaction, and rules and lease elements touch different sets.
actor ProxyTable {
  /// Runs nft on a script.
  typealias Writer = @Sendable (_ script: String, _ timeout: Duration) async throws -> Void

  private var applied: RuleSet?
  /// The lease of all exclusive pods, and that of the namespaces that have one of their own.
  private enum Lease { case general, apart }
  private var timers: [Lease: LeaseTimer] = [:]
  private var lastPermission: ServiceProxy.Permission = .denied
  /// Pods of namespaces that have a lease of their own, as far as they are let through.
  private var apartPods: [String] = []
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
      for lease in timers.keys { timers[lease]?.onTableReplaced() }
      if case .allowed(let until) = lastPermission, let action = timers[.general, default: LeaseTimer()].onAllowed(until: until, now: began)
      {
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
        timers[.general]?.onFailed()
        // Killed in its run, it may have been carried out just before, far too late.
        try? await write(LeaseTimer.script(.remove, bridge: !wanted.bridge.isEmpty), ProxyLimits.leaseRemoval)
      }
      throw error
    }
    applied = wanted
    // Too late: the next permission writes the elements again. What was said meanwhile is said again as well, with every read.
    if renews { _ = timers[.general]?.onWritten(took: clock.now() - began) }
  }

  func follow(_ permission: ServiceProxy.Permission) async {
    lastPermission = permission
    guard applied != nil else { return }
    let wasOpen: Bool = timers[.general]?.writtenUntil != nil
    switch await write(permission, .general, pods: nil) {
    case .written where !wasOpen: EventLog.shared.record("fence.open")
    case .removed: closed()
    case .written, .nothing: break
    }
  }

  /// - Parameter pods: addresses of the pods that are let through until then; all others of such namespaces are stopped.
  func followApart(_ permission: ServiceProxy.Permission, pods: [String]) async {
    guard applied != nil else { return }
    let allowed: [String] = permission == .denied ? [] : pods.sorted()
    if allowed != apartPods { timers[.apart]?.onPodsChanged() }
    apartPods = allowed
    if case .removed = await write(permission, .apart, pods: allowed) {
      logger.warning("traffic of exclusive pods of namespaces placed apart is stopped")
    }
  }

  private enum Written { case written, removed, nothing }

  private func write(_ permission: ServiceProxy.Permission, _ lease: Lease, pods: [String]?) async -> Written {
    for _ in 0..<ProxyLimits.leaseTries {
      let began: MonotonicTime = clock.now()
      guard let action: LeaseTimer.Action = next(permission, lease, began) else { return .nothing }
      guard await carryOut(action, lease, pods) else { return .nothing }
      guard action != .remove else { return .removed }
      let took: Duration = clock.now() - began
      if timers[lease, default: LeaseTimer()].onWritten(took: took) { return .written }
      logger.warning("nft took \(Int(took.inMilliseconds)) ms: the fence's lease is written again")
    }
    guard let action: LeaseTimer.Action = timers[lease, default: LeaseTimer()].onDenied(), await carryOut(action, lease, pods) else {
      return .nothing
    }
    return .removed
  }

  private func next(_ permission: ServiceProxy.Permission, _ lease: Lease, _ now: MonotonicTime) -> LeaseTimer.Action? {
    switch permission {
    case .allowed(let until): timers[lease, default: LeaseTimer()].onAllowed(until: until, now: now)
    case .denied: timers[lease, default: LeaseTimer()].onDenied()
    }
  }

  private func carryOut(_ action: LeaseTimer.Action, _ lease: Lease, _ pods: [String]?) async -> Bool {
    do {
      let script: String = LeaseTimer.script(action, bridge: applied?.bridge.isEmpty == false, pods: pods)
      try await write(script, timers[lease, default: LeaseTimer()].timeout(action))
      return true
    } catch {
      // The elements that are there expire by themselves, and the next permission tries again.
      timers[lease, default: LeaseTimer()].onFailed()
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
