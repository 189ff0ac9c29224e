import Primitives
import Synchronization

/// Lets the first refusal of an address for a reason through and then one a minute: a peer that tries for ever must not fill the disk.
/// Addresses beyond what is remembered share one entry. For whatever listens: TLS, HTTP, the link between centers.
public final class RefusalLog: Sendable {
  private struct Pair: Hashable {
    var address: String
    var reason: String
  }
  private let last: Mutex<[Pair: MonotonicTime]> = Mutex([:])

  public init() {}

  public func isNew(_ address: String, _ reason: String, at now: MonotonicTime) -> Bool {
    last.withLock { last in
      let quiet: Duration = .seconds(TLSLimits.refusalSeconds)
      var pair = Pair(address: address, reason: reason)
      if last[pair] == nil, last.count >= TLSLimits.refusalsRemembered {
        last = last.filter { now - $0.value < quiet }
        if last.count >= TLSLimits.refusalsRemembered { pair = Pair(address: "others", reason: "") }
      }
      if let before: MonotonicTime = last[pair], now - before < quiet { return false }
      last[pair] = now
      return true
    }
  }
}
