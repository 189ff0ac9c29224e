import Primitives

/// When the lease's elements in the kernel must be written again, as a value.
///
/// The kernel counts an element's time from the commit, which is later than the moment at which it was computed, by as much as nft took or
/// the host stood still. So an allowance is taken off beforehand, and a write that took longer than that is not trusted:
///
///     computed ──────── nft ──────── commit ── returned            kernel's end = commit + (until − computed − allowance) ≤ until,
///     └───────────── took ────────────────────────┘                as long as took ≤ allowance
struct LeaseTimer: Hashable, Sendable {
  enum Action: Hashable, Sendable {
    /// Replace the elements by ones that expire after this many milliseconds.
    case renew(milliseconds: Int64)
    case remove
  }
  /// When the elements that were written last have expired at the latest; nil with none written.
  private(set) var writtenUntil: MonotonicTime?
  /// What is in the kernel may live longer than it may: whatever is allowed next, it is written or taken away.
  private(set) var isDoubtful: Bool = false
  private(set) var allowance: Duration = ProxyLimits.leaseAllowance
  private var writtenFor: Duration = .zero

  mutating func onAllowed(until: MonotonicTime, now: MonotonicTime) -> Action? {
    let left: Duration = until - now
    guard left - allowance > .milliseconds(1) else { return onDenied() }
    if !isDoubtful, let writtenUntil, writtenUntil - now > writtenFor - writtenFor / ProxyLimits.leaseRefreshPart, writtenUntil <= until {
      return nil
    }
    writtenUntil = until
    writtenFor = left
    isDoubtful = false
    // Rounded down: the kernel's timer must end first.
    return .renew(milliseconds: (left - allowance).inNanoseconds / 1_000_000)
  }

  mutating func onDenied() -> Action? {
    guard writtenUntil != nil || isDoubtful else { return nil }
    writtenUntil = nil
    isDoubtful = false
    return .remove
  }

  /// A renewal was carried out, `took` after its milliseconds were computed. False: too late to be sure that it ends in time.
  mutating func onWritten(took: Duration) -> Bool {
    guard took <= allowance else {
      onFailed()
      allowance = min(max(allowance, took * 2), ProxyLimits.leaseAllowanceMost)
      return false
    }
    if took * 2 < allowance { allowance = max(ProxyLimits.leaseAllowance, allowance - allowance / 8) }
    return true
  }

  /// Nobody knows whether the last write was carried out, or when.
  mutating func onFailed() {
    isDoubtful = true
    allowance = min(allowance * 2, ProxyLimits.leaseAllowanceMost)
  }

  /// The elements are other ones: those in the kernel let through what may not pass, or not what may.
  mutating func onPodsChanged() {
    if writtenUntil != nil { isDoubtful = true }
  }

  /// The table was made anew, without elements.
  mutating func onTableReplaced() {
    writtenUntil = nil
    isDoubtful = false
  }

  /// How long one run of nft may take.
  func timeout(_ action: Action) -> Duration {
    action == .remove ? ProxyLimits.leaseRemoval : allowance + ProxyLimits.leaseOvershoot
  }

  /// One transaction; `bridge`: the bridges' table is there as well. `pods`: those of namespaces that have a lease of their own; nil: the
  /// lease of all others.
  static func script(_ action: Action, bridge: Bool = false, pods: [String]? = nil) -> String {
    let tables: [String] = ["ip \(RuleSet.table)"] + (bridge ? ["bridge \(RuleSet.bridgeTable)"] : [])
    let set: String = pods == nil ? RuleSet.lease : RuleSet.apartLease
    let flush: String = tables.map { "flush set \($0) \(set)\n" }.joined()
    let keys: [String] = pods ?? ["icmp", "tcp", "udp", "sctp"]
    guard case .renew(let milliseconds) = action, !keys.isEmpty else { return flush }
    let timeout = "timeout \(milliseconds / 1_000)s\(milliseconds % 1_000)ms"
    let elements: String = keys.map { "\($0) \(timeout)" }.joined(separator: ", ")
    return flush + tables.map { "add element \($0) \(set) { \(elements) }\n" }.joined()
  }
}
