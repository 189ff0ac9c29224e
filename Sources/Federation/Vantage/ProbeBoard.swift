import KubeModel
import Primitives

/// What a host says when it is asked for its role.
public enum ProbeAnswer: Hashable, Sendable {
  /// The cluster is active there, by the host's own deadline.
  case active
  /// It answers, and says that it is not.
  case standby
  case silent(String)
}

/// What one vantage sees of the centers, as a value: fed with answers, it says who serves, who can be reached, and when that is worth a
/// report. An answer that denies counts at once; silence counts only after a while.
public struct ProbeBoard: Sendable {
  struct Seen: Sendable {
    var answer: ProbeAnswer = .silent("not asked yet")
    /// When the last answer came, and the last that said active; nil: none since this board began.
    var answeredAt: MonotonicTime?
    var activeAt: MonotonicTime?
    var wasActive: Bool = false
  }
  private let began: MonotonicTime
  private let silentAfter: Duration
  private let hosts: [CenterName: [HostName]]
  private var seen: [HostName: Seen] = [:]

  public init(hosts: [CenterName: [HostName]], began: MonotonicTime) {
    self.init(hosts: hosts, began: began, silentAfter: VantageLimits.silentAfter)
  }

  init(hosts: [CenterName: [HostName]], began: MonotonicTime, silentAfter: Duration) {
    self.hosts = hosts
    self.began = began
    self.silentAfter = silentAfter
  }

  public mutating func onAnswer(_ host: HostName, _ answer: ProbeAnswer, at time: MonotonicTime) {
    var now: Seen = seen[host] ?? Seen()
    now.answer = answer
    switch answer {
    case .active: (now.answeredAt, now.activeAt, now.wasActive) = (time, time, true)
    case .standby: (now.answeredAt, now.activeAt) = (time, nil)
    case .silent: break
    }
    seen[host] = now
  }

  /// One of its hosts has said so lately, and not otherwise since.
  public func isServing(_ center: CenterName, _ now: MonotonicTime) -> Bool {
    (hosts[center] ?? []).contains { host in seen[host]?.activeAt.map { now < $0 + silentAfter } ?? false }
  }

  /// One of its hosts has said so since this board began.
  public func hasServed(_ center: CenterName) -> Bool { (hosts[center] ?? []).contains { seen[$0]?.wasActive == true } }

  public func isReachable(_ center: CenterName, _ now: MonotonicTime) -> Bool { silence(of: center, now) < silentAfter }

  /// Since one of its hosts answered; since this board began if none ever did.
  public func silence(of center: CenterName, _ now: MonotonicTime) -> Duration {
    let last: MonotonicTime? = (hosts[center] ?? []).compactMap { seen[$0]?.answeredAt }.max()
    return now - (last ?? began)
  }

  /// Nothing can be said before a center could have been silent for long enough.
  public func knows(_ now: MonotonicTime) -> Bool { now >= began + silentAfter }

  /// The last answer of each host, in words.
  func detail(_ center: CenterName) -> String {
    (hosts[center] ?? []).map { host in
      switch seen[host]?.answer {
      case .active?: "\(host): active"
      case .standby?: "\(host): stands by"
      case .silent(let why)?: "\(host): \(why)"
      case nil: "\(host): not asked yet"
      }
    }.joined(separator: "; ")
  }

  public var centers: [CenterName] { hosts.keys.sorted { $0.value < $1.value } }
}
