import Keyspace
import Primitives
import Testing

@testable import Store

@Suite struct ProposalTableTests {
  private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  @Test func `what an older term lost is proposed again, what it may still hold is not`() {
    var table = ProposalTable(origin: MemberID(1), seed: 1)
    for _ in 0..<3 { table.add(.compact(revision: 1), deadline: at(5)) { _ in } }
    let (context, numbers, payloads) = table.takeBatch()
    #expect(numbers.count == 3 && payloads.count == 3 && table.queue.isEmpty)
    table.proposed(numbers, context: context, term: 4)
    table.onApplying(term: 4)
    #expect(table.queue.isEmpty)
    #expect(table.take(numbers[1]) != nil)
    table.onApplying(term: 5)
    #expect(table.queue == [numbers[0], numbers[2]])
    let (second, again, same) = table.takeBatch()
    #expect(again == [numbers[0], numbers[2]] && same == [payloads[0], payloads[2]])
    table.proposed(again, context: second, term: 5)
    #expect(table.dropped(context: context) == nil)
    #expect(table.queue.isEmpty)
    #expect(table.dropped(context: second) == 5)
    #expect(table.queue == again)
  }

  @Test func `what is true in one term only is never proposed again`() {
    var table = ProposalTable(origin: MemberID(1), seed: 1)
    let (number, context, payload) = table.addOnce(.revokeLease(id: 1), deadline: at(5)) { _ in }
    #expect(!payload.isEmpty && table.queue.isEmpty)
    table.proposed([number], context: context, term: 4)
    table.onApplying(term: 4)
    #expect(table.takeAbandoned().isEmpty)
    table.onApplying(term: 5)
    #expect(table.takeAbandoned().map(\.command) == [.revokeLease(id: 1)] && table.queue.isEmpty && table.count == 0)
  }

  @Test func `deadlines pass in order and answered ones are forgotten`() {
    var table = ProposalTable(origin: MemberID(1), seed: 1)
    for second in 1...5 as ClosedRange<Int64> { table.add(.compact(revision: second), deadline: at(second)) { _ in } }
    let numbers = table.queue
    _ = table.take(numbers[1])
    #expect(table.takeExpired(at(3)).map(\.command) == [.compact(revision: 1), .compact(revision: 3)])
    #expect(table.count == 2 && table.takeExpired(at(3)).isEmpty)
    #expect(table.takeBatch().numbers == [numbers[3], numbers[4]])
    table.proposed([numbers[3]], context: 1, term: 1)
    #expect(table.takeProposed().count == 1 && table.takeAll().count == 1 && table.count == 0)
  }
}
