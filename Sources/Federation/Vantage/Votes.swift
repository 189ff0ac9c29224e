import KubeModel
import Primitives

/// What every vantage says of the active center, and what follows from it. Pure. Three kinds of vantages have a vote each: the store
/// (whether
/// the activation is renewed), every other center (whether its hosts are told "active"), every probe on the branch side (whether a
/// request is
/// served). None of them alone is believed.
public struct Votes: Hashable, Sendable {
  public enum Word: String, Hashable, Sendable { case serving, silent, unknown }
  public struct Vote: Hashable, Sendable {
    public var vantage: String
    public var says: Word
    public var age: Duration?
    public var detail: String
  }
  public var all: [Vote]
  /// Those of them on the branch side.
  public var branches: Set<String>

  /// More than half of all vantages, also of those that say nothing, see nobody serve, and clients are not served.
  public var isLost: Bool { all.count { $0.says == .silent } * 2 > all.count && !isServedOutside }

  /// At least half of the branch's probes that have a word are answered: the control plane may be out of reach, the service is not dead. A
  /// probe of the fenced kind of workload falls silent with it, so this holds back what would be a mistake, and a person may still move.
  public var isServedOutside: Bool {
    let words: [Word] = all.filter { branches.contains($0.vantage) && $0.says != .unknown }.map(\.says)
    let served: Int = words.count { $0 == .serving }
    return served > 0 && served * 2 >= words.count
  }

  /// Why nobody takes over unasked, by these votes.
  public var obstacle: String? {
    if isLost { return nil }
    return isServedOutside ? "clients are served: \(sentence)" : "no majority: \(sentence)"
  }

  /// Changes only with what the vantages say, not with the age of their word.
  public var sentence: String {
    "\(all.count { $0.says == .silent }) of \(all.count) vantages see it silent ("
      + all.map { "\($0.vantage): \($0.says.rawValue)" }.joined(separator: ", ") + ")"
  }

  var json: JSONValue {
    .array(
      all.map { vote in
        var json: JSONValue = [
          "vantage": .string(vote.vantage), "says": .string(vote.says.rawValue), "detail": .string(vote.detail),
        ]
        if let age: Duration = vote.age { json["ageMilliseconds"] = .int(age.inNanoseconds / 1_000_000) }
        return json
      })
  }

  /// - Parameters:
  ///   - isLeaseOver: nobody renewed the activation for a whole lease, as a read that began after it shows.
  ///   - board: of this host, whose word needs no report.
  public init(
    on active: CenterName, isLeaseOver: Bool, from own: CenterName, board: ProbeBoard, vantages: [HeardVantage], order: [CenterName],
    _ now: MonotonicTime
  ) {
    all = [
      Vote(
        vantage: "store", says: isLeaseOver ? .silent : .serving, age: .zero,
        detail: isLeaseOver ? "the activation is not renewed" : "the activation is renewed")
    ]
    for center in order where center != active {
      var words: [Sight] = vantages.filter { $0.isHost && $0.center == center && $0.isFresh }.compactMap {
        Self.sight($0, active)
      }
      if center == own, board.knows(now) {
        words.append(Sight(serving: board.isServing(active, now), age: .zero, detail: board.detail(active)))
      }
      all.append(Self.vote(center.value, words))
    }
    branches = []
    for branch in vantages.filter({ !$0.isHost }).sorted(by: { $0.object.name < $1.object.name }) {
      let sight: Sight? = Self.sight(branch, active)
      // It reports, and was never served by that center: nothing to be missed there, so it has no vote.
      if branch.isFresh, sight == nil { continue }
      branches.insert(branch.object.name)
      all.append(Self.vote(branch.object.name, branch.isFresh ? sight.map { [$0] } ?? [] : []))
    }
  }

  private struct Sight {
    var serving: Bool
    var age: Duration
    var detail: String
  }

  private static func sight(_ vantage: HeardVantage, _ active: CenterName) -> Sight? {
    guard let sight: JSONValue = vantage.spec["sees"].array.first(where: { $0["center"].string == active.value }),
      let serving: Bool = sight["serving"].bool
    else { return nil }
    return Sight(serving: serving, age: vantage.heardAgo, detail: sight["detail"].string ?? "")
  }

  /// One host that is told "active" is enough for its center's word.
  private static func vote(_ name: String, _ words: [Sight]) -> Vote {
    guard let newest = words.min(by: { $0.age < $1.age }) else {
      return Vote(vantage: name, says: .unknown, age: nil, detail: "no fresh report")
    }
    if let serving = words.first(where: \.serving) {
      return Vote(vantage: name, says: .serving, age: serving.age, detail: serving.detail)
    }
    return Vote(vantage: name, says: .silent, age: newest.age, detail: newest.detail)
  }
}
