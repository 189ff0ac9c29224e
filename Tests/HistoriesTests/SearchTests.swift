import Primitives
import Testing

@testable import Histories

@Suite struct SearchTests {
  private func verdict(_ calls: [Call], steps: Int = 100_000) -> LinearizabilitySearch<RegisterModel>.Verdict {
    LinearizabilitySearch(RegisterModel(), stepLimit: steps).judge(
      calls.map { .init(begin: $0.begin, end: $0.answer == nil ? nil : $0.end, operation: $0) })
  }

  /// Every order of the answered calls and of any of the others, in any place that time allows.
  private func isLinearizableByTryingAll(_ calls: [Call]) -> Bool {
    func place(_ state: UInt64, _ rest: [Call]) -> Bool {
      if rest.allSatisfy({ $0.answer == nil }) { return true }
      for (index, call) in rest.enumerated() {
        // Nothing that ended before this began may come after it.
        if rest.contains(where: { $0.answer != nil && $0.end < call.begin }) { continue }
        var others: [Call] = rest
        others.remove(at: index)
        if let next: UInt64 = RegisterModel().step(state, call), place(next, others) { return true }
      }
      return false
    }
    return place(0, calls)
  }

  @Test func overlappingWritesMayComeInEitherOrder() {
    let writes: [Call] = [put(1, at: 0, to: 10, revision: 2), put(2, at: 0, to: 10, revision: 3)]
    #expect(verdict(writes + [get(1, at: 11, to: 12, revision: 0, mod: 0)]) == .linearizable)
    #expect(verdict(writes + [get(2, at: 11, to: 12, revision: 0, mod: 0)]) == .linearizable)
    #expect(verdict(writes + [get(0, at: 11, to: 12, revision: 0, mod: 0)]) == .notLinearizable(blocked: 2, placed: 2))
  }

  @Test func twoReadersAgreeOnTheOrder() {
    let writes: [Call] = [put(1, at: 0, to: 10, revision: 2), put(2, at: 0, to: 10, revision: 3)]
    let reads: [Call] = [get(1, at: 11, to: 12, revision: 0, mod: 0), get(2, at: 13, to: 14, revision: 0, mod: 0)]
    #expect(verdict(writes + reads) == .notLinearizable(blocked: 3, placed: 3))
  }

  @Test func aWriteOfUnknownOutcomeMayComeLateOrNever() {
    let lost: Call = put(2, at: 5, to: 6, revision: nil)
    let first: Call = put(1, at: 0, to: 1, revision: 2)
    let old: Call = get(1, at: 100, to: 101, revision: 0, mod: 0)
    let new: Call = get(2, at: 200, to: 201, revision: 0, mod: 0)
    #expect(verdict([first, lost, old]) == .linearizable)
    #expect(verdict([first, lost, old, new]) == .linearizable)
    // Once seen it is there.
    #expect(verdict([first, lost, new, get(1, at: 300, to: 301, revision: 0, mod: 0)]) != .linearizable)
    // It cannot have happened before it was asked for.
    #expect(verdict([first, get(2, at: 2, to: 3, revision: 0, mod: 0), lost]) != .linearizable)
  }

  @Test func comparisonsAreTakenAtTheirWord() {
    let base: [Call] = [put(1, at: 0, to: 1, revision: 2)]
    let won: Call = call(2, .compareAndPut(expected: 1, 2), at: 2, to: 10, revision: 3, changed: true)
    let alsoWon: Call = call(3, .compareAndPut(expected: 1, 3), at: 2, to: 10, revision: 4, changed: true)
    let refused: Call = call(3, .compareAndPut(expected: 1, 3), at: 2, to: 10, revision: 3, value: 2)
    #expect(verdict(base + [won, refused]) == .linearizable)
    #expect(verdict(base + [won, alsoWon]) != .linearizable)
    #expect(verdict(base + [refused]) != .linearizable)
  }

  @Test func aDeletionThatDeletedNothingSaysSo() {
    let deleted: Call = call(1, .delete, at: 5, to: 6, revision: 3, changed: true)
    let empty: Call = call(2, .delete, at: 7, to: 8, revision: 3)
    #expect(verdict([put(1, at: 0, to: 1, revision: 2), deleted, empty]) == .linearizable)
    #expect(verdict([put(1, at: 0, to: 1, revision: 2), empty]) != .linearizable)
  }

  @Test func aSearchThatIsGivenUpIsNoPass() {
    let unknown: [Call] = (0..<24).map { put(UInt64($0 + 2), at: 0, to: 1, revision: nil) }
    let impossible: [Call] = unknown + [put(1, at: 0, to: 1, revision: 2), get(99, at: 3, to: 4, revision: 0, mod: 0)]
    #expect(verdict(impossible, steps: 500) == .undecided)
  }

  /// Histories of up to seven calls, true and false ones: the search says what trying all orders says.
  @Test func agreesWithTryingAllOrders() {
    var random = SeededRandom(seed: 0x11_2E)
    var (good, bad): (Int, Int) = (0, 0)
    for _ in 0..<3_000 {
      var nextValue: UInt64 = 1
      let calls: [Call] = (0..<Int.random(in: 2...7, using: &random)).map { client in
        let begin = Int64.random(in: 0...12, using: &random)
        let end: Int64 = begin + Int64.random(in: 1...6, using: &random)
        let isKnown: Bool = Int.random(in: 0..<5, using: &random) > 0
        let seen: UInt64 = UInt64.random(in: 0...max(1, nextValue), using: &random)
        var made: Call
        switch Int.random(in: 0..<4, using: &random) {
        case 0: made = call(client, .get, at: begin, to: end, revision: 0, value: seen)
        case 1:
          made = call(
            client, .compareAndPut(expected: seen, nextValue), at: begin, to: end, revision: 0, changed: Bool.random(using: &random))
          if made.answer?.changed == false { made.answer?.value = UInt64.random(in: 0...nextValue, using: &random) }
          nextValue += 1
        case 2: made = call(client, .delete, at: begin, to: end, revision: 0, changed: Bool.random(using: &random))
        default:
          made = call(client, .put(nextValue), at: begin, to: end, revision: 0, changed: true)
          nextValue += 1
        }
        if !isKnown { made.answer = nil }
        return made
      }
      let expected: Bool = isLinearizableByTryingAll(calls)
      #expect((verdict(calls) == .linearizable) == expected, "\(calls)")
      if expected { good += 1 } else { bad += 1 }
    }
    #expect(good > 300 && bad > 300)
  }

  /// A register of a real run's size, with many clients and lost answers: found at once; one read turned stale: found, too.
  @Test func aLongHistoryIsJudgedQuickly() {
    var random = SeededRandom(seed: 7)
    var calls: [Call] = []
    var value: UInt64 = 0
    var now: Int64 = 0
    var used: UInt64 = 0
    for client in 0..<600 {
      // The effect is at `now`; begin and end lie around it.
      now += 2
      let (begin, end): (Int64, Int64) = (now - Int64.random(in: 0...9, using: &random), now + Int64.random(in: 1...9, using: &random))
      if Int.random(in: 0..<3, using: &random) == 0 {
        used += 1
        value = used
        let isLost: Bool = Int.random(in: 0..<12, using: &random) == 0
        calls.append(call(client, .put(value), at: begin, to: end, revision: isLost ? nil : 0, changed: true))
      } else {
        calls.append(call(client, .get, at: begin, to: end, revision: 0, value: value))
      }
    }
    #expect(verdict(calls) == .linearizable)
    let late: Int = calls.lastIndex { $0.isRead } ?? 0
    calls[late].answer?.value = 1
    #expect(verdict(calls) != .linearizable)
  }
}
