import Primitives

/// When the lease's elements in the kernel must be written again, as a value.
struct LeaseTimer: Hashable, Sendable {
  enum Action: Hashable, Sendable {
    /// Replace the elements by ones that expire after this many milliseconds.
    case renew(milliseconds: Int64)
    case remove
  }
  /// When the elements that were written last expire; nil with none written.
  private(set) var writtenUntil: MonotonicTime?
  private var writtenFor: Duration = .zero

  mutating func onAllowed(until: MonotonicTime, now: MonotonicTime) -> Action? {
    let left: Duration = until - now
    guard left > .milliseconds(1) else { return onDenied() }
    if let writtenUntil, writtenUntil - now > writtenFor - writtenFor / ProxyLimits.leaseRefreshPart, writtenUntil <= until { return nil }
    writtenUntil = until
    writtenFor = left
    // Rounded down: the kernel's timer must end first.
    return .renew(milliseconds: left.inNanoseconds / 1_000_000)
  }

  mutating func onDenied() -> Action? {
    guard writtenUntil != nil else { return nil }
    writtenUntil = nil
    return .remove
  }

  /// The table was made anew, without elements.
  mutating func onTableReplaced() { writtenUntil = nil }

  static func script(_ action: Action) -> String {
    let flush = "flush set ip \(RuleSet.table) \(RuleSet.lease)\n"
    guard case .renew(let milliseconds) = action else { return flush }
    let timeout = "timeout \(milliseconds / 1_000)s\(milliseconds % 1_000)ms"
    let elements: String = ["icmp", "tcp", "udp", "sctp"].map { "\($0) \(timeout)" }.joined(separator: ", ")
    return flush + "add element ip \(RuleSet.table) \(RuleSet.lease) { \(elements) }\n"
  }
}
