import Primitives
import TestSupport
import Testing

@testable import Store

/// `ShrinkPolicy` in conversation:
///
///     policy latency|durable|manual [after=10]     a new one; seconds
///     center NAME CITY COUNT                       so many members that vote
///     gone NAME / back NAME [COUNT]                none, or so many (else all), of its members are there; back ones are behind
///     caught-up NAME                               those that are there
///     shrunk NAME / regrown NAME                   the directive was carried out
///     wait SECONDS                                 ticks each second; tells directives
///     ask NAME                                     whether a person may take its votes
@Suite struct ShrinkTranscriptTests {
  @Test(arguments: ["a-center-that-is-gone-loses-its-votes-and-gets-them-back.txt", "durable-keeps-two-centers-in-every-majority.txt"])
  func story(_ name: String) throws {
    var world = PolicyWorld()
    for difference in try Transcript.check(testdata(#filePath, name), answer: { try world.run($0) }) { Issue.record("\(difference)") }
  }
}

private struct PolicyWorld {
  private var policy = ShrinkPolicy(mode: .latency, patience: .seconds(10), completion: .seconds(60))
  private var members: [ShrinkPolicy.Member] = []
  private var shrunk: [String] = []
  private var now = MonotonicTime(nanoseconds: 0)

  mutating func run(_ line: String) throws -> String {
    let words: [String] = line.split(separator: " ").map(String.init)
    func word(_ place: Int) -> String { place < words.count ? words[place] : "" }
    switch word(0) {
    case "policy":
      let after: Int = Int(word(2).dropFirst("after=".count)) ?? 10
      policy = ShrinkPolicy(mode: ShrinkMode(rawValue: word(1)) ?? .manual, patience: .seconds(after), completion: .seconds(60))
      (members, shrunk) = ([], [])
    case "center":
      for _ in 0..<(Int(word(3)) ?? 1) {
        members.append(
          .init(
            id: MemberID(UInt64(members.count + 1)), center: word(1), city: word(2), votes: true, isThere: true, isCaughtUp: true))
      }
    case "gone": change(word(1)) { $0.isThere = false }
    case "back":
      var left: Int = Int(word(2)) ?? .max
      change(word(1)) { member in
        guard left > 0 else { return }
        left -= 1
        member.isThere = true
        member.isCaughtUp = false
      }
    case "caught-up": change(word(1)) { $0.isCaughtUp = $0.isThere }
    case "shrunk":
      shrunk.append(word(1))
      change(word(1)) { $0.votes = false }
    case "regrown":
      shrunk.removeAll { $0 == word(1) }
      change(word(1)) { $0.votes = $0.isThere }
    case "wait":
      var said: [String] = []
      for second in 1...(Int(word(1)) ?? 1) {
        now = now + .seconds(1)
        guard let directive: ShrinkPolicy.Directive = policy.tick(now: now, members, shrunk: shrunk) else { continue }
        switch directive {
        case .shrink(let center): said.append("after \(second) s: take the votes of \(center)")
        case .regrow(let center, let members): said.append("after \(second) s: \(center) votes again, \(members.map(\.description))")
        }
        break
      }
      return said.first ?? "nothing"
    case "ask": return ShrinkPolicy.objection(to: word(1), members, policy.mode, mustGain: false) ?? "it may"
    default: throw NotInTime(description: "\(line): no such command")
    }
    return ""
  }

  private mutating func change(_ center: String, _ body: (inout ShrinkPolicy.Member) -> Void) {
    for place in members.indices where members[place].center == center { body(&members[place]) }
  }
}
