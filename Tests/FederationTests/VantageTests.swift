import KubeModel
import Primitives
import Testing

@testable import Federation

private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

/// What one vantage sees of the centers.
@Suite struct ProbeBoardTests {
  private static func board() -> ProbeBoard {
    ProbeBoard(hosts: ["production": ["p1", "p2"], "remote-dr": ["r1"]], began: at(0), silentAfter: .milliseconds(1_500))
  }

  @Test func nothingIsSaidBeforeACenterCouldHaveBeenSilentForLongEnough() {
    #expect(!Self.board().knows(at(1_499)) && Self.board().knows(at(1_500)))
    var report = VantageReport(name: "l1", cluster: "bank", center: "local-dr")
    report.look(Self.board(), at(1_000))
    #expect(report.sees.isEmpty)
  }

  @Test func oneHostThatSaysActiveIsEnoughAndSilenceCountsOnlyAfterAWhile() {
    var board: ProbeBoard = Self.board()
    board.onAnswer("p1", .active, at: at(1_000))
    board.onAnswer("p2", .silent("refused"), at: at(1_000))
    #expect(board.isServing("production", at(2_499)) && board.isReachable("production", at(2_499)))
    #expect(!board.isServing("production", at(2_500)) && !board.isReachable("production", at(2_500)))
    #expect(!board.isServing("remote-dr", at(2_000)), "nobody there has answered")
  }

  /// The control plane answers, the service is gone: what denies is believed at once.
  @Test func anAnswerThatDeniesCountsAtOnce() {
    var board: ProbeBoard = Self.board()
    board.onAnswer("p1", .active, at: at(1_000))
    board.onAnswer("p1", .standby, at: at(1_200))
    #expect(!board.isServing("production", at(1_201)) && board.isReachable("production", at(1_201)))
    board.onAnswer("p2", .active, at: at(1_300))
    #expect(board.isServing("production", at(1_301)), "the other host is still told active")
  }

  @Test func aReportIsNewsWhenACenterChangesAndNotWhenWordsDo() {
    var board: ProbeBoard = Self.board()
    board.onAnswer("p1", .active, at: at(1_600))
    var one = VantageReport(name: "l1", cluster: "bank", center: "local-dr")
    one.look(board, at(1_700))
    board.onAnswer("p2", .silent("timed out"), at: at(1_800))
    var other: VantageReport = one
    other.look(board, at(1_900))
    #expect(one.gist == other.gist && one.sees != other.sees)
    other.look(board, at(9_000))
    #expect(one.gist != other.gist)
  }
}

/// What follows from what all vantages say.
@Suite struct VotesTests {
  private static let order: [CenterName] = ["production", "local-dr", "remote-dr"]

  private static func vantage(
    _ name: String, center: String?, serving: Bool, ago milliseconds: Int64 = 100
  ) -> HeardVantage {
    var spec: JSONValue = [
      "cluster": "bank", "kind": .string(center == nil ? "branch" : "host"), "intervalMilliseconds": 10_000,
      "sees": [["center": "production", "reachable": .bool(serving), "serving": .bool(serving), "detail": "seen"]],
    ]
    if let center { spec["center"] = .string(center) }
    return HeardVantage(KubeObject(["metadata": ["name": .string(name)], "spec": spec]), heardAgo: .milliseconds(milliseconds))
  }

  private static func votes(_ isLeaseOver: Bool, own serving: Bool, _ vantages: [HeardVantage]) -> Votes {
    var board = ProbeBoard(hosts: ["production": ["p1"]], began: at(0))
    if serving { board.onAnswer("p1", .active, at: at(9_900)) }
    return Votes(
      on: "production", isLeaseOver: isLeaseOver, from: "local-dr", board: board, vantages: vantages, order: order, at(10_000))
  }

  @Test func theStoreAndTheOwnEyesAreTwoOfThree() {
    let votes: Votes = Self.votes(true, own: false, [])
    #expect(votes.all.map(\.vantage) == ["store", "local-dr", "remote-dr"])
    #expect(votes.isLost)
    #expect(votes.sentence == "2 of 3 vantages see it silent (store: silent, local-dr: silent, remote-dr: unknown)")
  }

  @Test func nobodyIsBelievedAlone() {
    #expect(!Self.votes(true, own: true, []).isLost, "the lease is over, and production is seen to serve")
    #expect(!Self.votes(false, own: false, []).isLost, "only the line from here to there is cut")
    #expect(Self.votes(true, own: true, [Self.vantage("r1", center: "remote-dr", serving: false)]).isLost)
    #expect(!Self.votes(true, own: true, [Self.vantage("r1", center: "remote-dr", serving: true)]).isLost)
  }

  /// Control plane unreachable is not the same as service dead.
  @Test func theBranchThatIsServedHasAVote() {
    let served: HeardVantage = Self.vantage("branch-1", center: nil, serving: true)
    let votes: Votes = Self.votes(true, own: false, [served])
    #expect(votes.all.count == 4 && !votes.isLost, "2 of 4 are no majority")
    let remote: HeardVantage = Self.vantage("r1", center: "remote-dr", serving: false)
    let held: Votes = Self.votes(true, own: false, [served, remote])
    #expect(!held.isLost && held.obstacle?.hasPrefix("clients are served: 3 of 4 vantages see it silent") == true)
    #expect(Self.votes(true, own: false, [Self.vantage("branch-1", center: nil, serving: false), remote]).obstacle == nil)
    // One of two branches may have lost its own line.
    let cut: HeardVantage = Self.vantage("branch-2", center: nil, serving: false)
    #expect(!Self.votes(true, own: false, [served, cut, remote]).isLost)
    #expect(Self.votes(true, own: false, [served, cut, Self.vantage("branch-3", center: nil, serving: false), remote]).isLost)
    // What was served once holds nothing back.
    #expect(Self.votes(true, own: false, [Self.vantage("branch-1", center: nil, serving: true, ago: 30_001), remote]).isLost)
  }

  /// A probe that was never served there has nothing to miss.
  @Test func theBranchThatWasNeverServedHasNoVote() {
    var board = ProbeBoard(hosts: ["production": ["p1"], "local-dr": ["l1"]], began: at(0))
    board.onAnswer("p1", .silent("refused"), at: at(1_000))
    var report = VantageReport(name: "branch-1", cluster: "bank", center: nil)
    report.look(board, at(2_000))
    #expect(report.sees.isEmpty)
    let idle = HeardVantage(report.object(now: WallTime(secondsSince1970: 1)), heardAgo: .zero)
    #expect(Self.votes(true, own: false, [idle]).all.map(\.vantage) == ["store", "local-dr", "remote-dr"])
    board.onAnswer("p1", .active, at: at(2_100))
    report.look(board, at(2_200))
    #expect(report.sees.map { $0["serving"] } == [true])
    report.look(board, at(9_000))
    let missing = HeardVantage(report.object(now: WallTime(secondsSince1970: 1)), heardAgo: .zero)
    #expect(Self.votes(true, own: false, [missing]).all.last?.says == .silent)
    #expect(missing.spec["intervalMilliseconds"] == 1_000)
  }

  @Test func anOldWordIsNoWordAndStillCounts() {
    let old: HeardVantage = Self.vantage("branch-1", center: nil, serving: false, ago: 30_001)
    #expect(Self.votes(true, own: true, [old]).all.last?.says == .unknown)
    #expect(!Self.votes(true, own: true, [old]).isLost)
    #expect(Self.votes(true, own: true, [Self.vantage("branch-1", center: nil, serving: false, ago: 29_000)]).all.last?.says == .silent)
  }

  /// Two hosts of a center have one vote, and the one that sees it serving is believed.
  @Test func aCenterHasOneVote() {
    let votes: Votes = Self.votes(
      true, own: false,
      [Self.vantage("l2", center: "local-dr", serving: true), Self.vantage("r1", center: "remote-dr", serving: false)])
    #expect(votes.all.map(\.says) == [.silent, .serving, .silent])
    #expect(votes.isLost)
  }
}

@Suite struct FlapDampingTests {
  private static func status(_ activations: [(reason: String, at: Int64)]) -> JSONValue {
    let all: [JSONValue] = activations.map {
      ["center": "a", "epoch": 1, "reason": .string($0.reason), "since": .string(WallTime(secondsSince1970: $0.at).rfc3339Micro)]
    }
    return ["activation": all.first ?? .null, "history": .array(Array(all.dropFirst()))]
  }
  private static func limit(_ status: JSONValue, at now: Int64, interval: Int64 = 600) -> String? {
    FlapDamping.obstacle(status, interval: interval, cluster: "bank", now: WallTime(secondsSince1970: now))?.limit
  }

  @Test func afterOneTakeoverTheNextWaits() {
    let once: JSONValue = Self.status([("Unplanned", 1_000), ("Initial", 0)])
    #expect(Self.limit(once, at: 1_599) == "none before 1970-01-01T00:26:40Z")
    #expect(Self.limit(once, at: 1_600) == nil)
    #expect(Self.limit(once, at: 1_001, interval: 0) == nil)
    #expect(Self.limit(once, at: 500) != nil, "a clock that was set back does not let it go")
    #expect(Self.limit(Self.status([("Initial", 0)]), at: 1) == nil)
  }

  @Test func eachFurtherOneWaitsTwiceAsLongUntilAPersonMoves() {
    #expect(Self.limit(Self.status([("Unplanned", 2_000), ("Unplanned", 1_000), ("Initial", 0)]), at: 3_199) != nil)
    #expect(Self.limit(Self.status([("Unplanned", 2_000), ("Unplanned", 1_000), ("Initial", 0)]), at: 3_200) == nil)
    #expect(Self.limit(Self.status([("Planned", 1_100), ("Unplanned", 1_000)]), at: 1_101) == nil)
    #expect(Self.limit(Self.status([("Unplanned", 1_200), ("Planned", 1_100), ("Unplanned", 1_000)]), at: 1_801) == nil)
    // What only came back from itself is no move.
    #expect(Self.limit(Self.status([("Resumed", 1_050), ("Unplanned", 1_000)]), at: 1_101) != nil)
  }

  /// A center that goes and comes once a second for an hour, with both centers allowed to take over.
  @Test func underFlappingThereIsOneTransitionInTenMinutes() {
    var activations: [(reason: String, at: Int64)] = [("Initial", 0)]
    var transitions: [Int64] = []
    for second in Int64(1)...3_600 where Self.limit(Self.status(Array(activations.prefix(11))), at: second) == nil {
      activations.insert(("Unplanned", second), at: 0)
      transitions.append(second)
    }
    #expect(transitions == [1, 601, 1_801])
  }
}
