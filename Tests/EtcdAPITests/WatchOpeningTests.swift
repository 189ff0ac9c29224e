import Testing

@testable import EtcdAPI

/// Watches are announced in the order in which they were asked for, whichever the store opens first.
@Suite struct WatchOpeningTests {
  private func answer(_ id: Int64) -> WatchAnswer { WatchAnswer(header: ResponseHeader(revision: 1), watchID: id) }

  @Test func whoWasAskedForLaterWaitsItsTurn() {
    var openings = WatchOpenings()
    for id in 1...3 as ClosedRange<Int64> { openings.begin(id) }
    openings.ready(3, [answer(3)])
    openings.ready(2, [answer(2)])
    let early: Int = openings.next().count
    #expect(early == 0 && openings.isWaiting(3))
    openings.refuse(answer(-1))
    openings.ready(1, [answer(1), answer(1)])
    let said: [(id: Int64?, answers: [WatchAnswer])] = openings.next()
    #expect(said.map(\.id) == [1, 2, 3, nil] && said[0].answers.count == 2 && !openings.isWaiting(1))
  }

  @Test func anIDThatIsUsedAgainHasTwoTurns() {
    var openings = WatchOpenings()
    for id in [1, 2, 2] as [Int64] { openings.begin(id) }
    openings.ready(2, [answer(2), answer(2)])
    openings.ready(1, [answer(1)])
    let first: [Int64?] = openings.next().map(\.id)
    #expect(first == [1, 2] && openings.isWaiting(2))
    openings.ready(2, [answer(2)])
    let second: [Int64?] = openings.next().map(\.id)
    #expect(second == [2] && !openings.isWaiting(2))
  }
}
