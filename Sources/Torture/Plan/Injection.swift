import Histories

/// One fault: what, to whom, from when until when. It is undone at `until`, whatever else goes on.
public struct Injection: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// SIGKILL; started again at the end.
    case kill
    /// SIGSTOP, then SIGCONT: to the process its clock jumps forward while the others went on.
    case freeze
    /// Nothing passes between two centers.
    case cut
    /// Nothing passes from one center to another; the other way is open.
    case oneWayCut = "one-way-cut"
    /// A line gets slower, by up to half a second.
    case delay
    /// A part of a line's packets vanishes.
    case loss
    /// SIGKILL, and started again where its monotonic clocks show another time: a host that was restarted, or ran for years.
    case clock
    /// The member's disk has no byte left.
    case fullDisk = "full-disk"
  }

  public enum Target: Hashable, Sendable {
    case members([Int])
    /// Whoever leads when it happens.
    case leader
    case line(from: Int, to: Int)
  }

  public var kind: Kind
  public var target: Target
  public var at: Moment
  public var until: Moment
  /// delay: milliseconds one way; loss: parts of a thousand; clock: seconds that the clocks show.
  public var amount: Int = 0
}

extension Injection: CustomStringConvertible {
  public var description: String {
    let who: String =
      switch target {
      case .members(let members): members.map { TortureLayout.members[$0].name }.joined(separator: ", ")
      case .leader: "the leader"
      case .line(let from, let to):
        "\(TortureLayout.centers[from]) \(kind == .oneWayCut ? "→" : "↔") \(TortureLayout.centers[to])"
      }
    let what: String =
      switch kind {
      case .kill: "kill -9"
      case .freeze: "SIGSTOP"
      case .cut: "cut"
      case .oneWayCut: "one-way cut"
      case .delay: "\(amount) ms"
      case .loss: "\(Double(amount) / 10) % lost"
      case .clock: "restart with clocks at \(amount) s"
      case .fullDisk: "full disk"
      }
    return "\(what): \(who), \((until - at) / 1_000_000) ms"
  }
}
