import Keyspace
import Primitives

/// Proposals of this member's callers from arrival to answer.
///
/// Each is applied at most once although it is proposed again when it got lost: a proposal made in term t can only be appended by
/// the leader of term t (forwarded ones carry their term), and terms in the log never go back. So once an entry of a later term was
/// applied here and the proposal was not, it is not in the log and never will be, and may be proposed anew. One whose fate cannot be known
/// (the link lost it, or a snapshot jumped over it) ends with `.timeout`.
struct ProposalTable {
  typealias Completion = (Result<CommandResult, KeyspaceError>) -> Void

  /// An object: it is looked up four times on its way, and copied never.
  final class Pending {
    let command: KeyspaceCommand
    /// How far it must have come before the caller is answered.
    let durability: Durability
    let payload: Bytes
    let completion: Completion
    let deadline: MonotonicTime
    /// Set while it may be in a log.
    var proposed: (term: UInt64, context: UInt64)?
    /// Never proposed again: what it says is true in the term of its first proposal only.
    var isOnce: Bool = false

    init(
      _ command: KeyspaceCommand, _ durability: Durability, payload: Bytes, deadline: MonotonicTime, _ completion: @escaping Completion
    ) {
      self.command = command
      self.durability = durability
      self.payload = payload
      self.deadline = deadline
      self.completion = completion
    }
  }

  private(set) var pending: [UInt64: Pending] = [:]
  /// Not proposed, in the order of arrival.
  private(set) var queue: [UInt64] = []
  /// Proposals to be made once that are certainly in no log; their callers are told when they are taken.
  private var abandoned: [Pending] = []
  private var byDeadline: [UInt64] = []
  private var firstDeadline: Int = 0
  private(set) var lastNumber: UInt64
  private var lastContext: UInt64 = 0
  private var lastTerm: UInt64 = 0
  private let origin: MemberID

  init(origin: MemberID, seed: UInt64) {
    self.origin = origin
    var random = SeededRandom(seed: seed ^ 0x5052_4F50_4F53_414C)
    lastNumber = random.next()
  }

  var count: Int { pending.count }

  mutating func add(
    _ command: KeyspaceCommand, _ durability: Durability = .centerSafe, deadline: MonotonicTime, _ completion: @escaping Completion
  ) {
    queue.append(enter(command, durability, deadline: deadline, completion))
  }

  /// For the one who leads now: not queued, the caller proposes it at once. Returns its number, context and payload.
  mutating func addOnce(
    _ command: KeyspaceCommand, deadline: MonotonicTime, _ completion: @escaping Completion
  ) -> (number: UInt64, context: UInt64, payload: Bytes) {
    let number: UInt64 = enter(command, .centerSafe, deadline: deadline, completion)
    pending[number]?.isOnce = true
    lastContext += 1
    return (number, lastContext, pending[number]?.payload ?? [])
  }

  private mutating func enter(
    _ command: KeyspaceCommand, _ durability: Durability, deadline: MonotonicTime, _ completion: @escaping Completion
  ) -> UInt64 {
    lastNumber &+= 1
    let payload: Bytes = LogPayload(origin: origin, request: lastNumber, durability: durability, command: command).encode()
    pending[lastNumber] = Pending(command, durability, payload: payload, deadline: deadline, completion)
    byDeadline.append(lastNumber)
    return lastNumber
  }

  /// The next proposals to make together.
  mutating func takeBatch() -> (context: UInt64, numbers: [UInt64], payloads: [Bytes]) {
    var numbers: [UInt64] = []
    var payloads: [Bytes] = []
    var bytes: Int = 0
    var taken: Int = 0
    for number in queue {
      guard let one: Pending = pending[number] else {
        taken += 1
        continue
      }
      if !numbers.isEmpty, numbers.count >= StoreLimits.proposalPayloads || bytes + one.payload.count > StoreLimits.proposalBytes { break }
      taken += 1
      bytes += one.payload.count
      numbers.append(number)
      payloads.append(one.payload)
    }
    queue.removeFirst(taken)
    lastContext += 1
    return (lastContext, numbers, payloads)
  }

  mutating func proposed(_ numbers: [UInt64], context: UInt64, term: UInt64) {
    for number in numbers {
      guard let one: Pending = pending[number] else { continue }
      one.proposed = (term, context)
    }
  }

  mutating func putBack(_ numbers: [UInt64]) {
    var again: [UInt64] = []
    for number in numbers {
      if pending[number]?.isOnce == true, let one: Pending = pending.removeValue(forKey: number) {
        abandoned.append(one)
        continue
      }
      pending[number]?.proposed = nil
      again.append(number)
    }
    queue = again + queue
  }

  mutating func takeAbandoned() -> [Pending] {
    guard !abandoned.isEmpty else { return [] }
    defer { abandoned = [] }
    return abandoned
  }

  /// The leader refused this batch: nothing of it is in the log. Returns the term of the leader that it was proposed to; nil: nobody waits
  /// for it any more.
  @discardableResult
  mutating func dropped(context: UInt64) -> UInt64? {
    let numbers: [UInt64] = pending.filter { $0.value.proposed?.context == context }.map(\.key).sorted()
    defer { putBack(numbers) }
    return numbers.first.flatMap { pending[$0]?.proposed?.term }
  }

  #if DEBUG
    /// A planted bug: what was proposed is proposed again although it may be in a log.
    mutating func putBackAll() { putBack(pending.filter { $0.value.proposed != nil }.map(\.key).sorted()) }
  #endif

  /// An entry of `term` is being applied.
  mutating func onApplying(term: UInt64) {
    guard term > lastTerm else { return }
    lastTerm = term
    putBack(pending.filter { $0.value.proposed.map { $0.term < term } ?? false }.map(\.key).sorted())
  }

  mutating func take(_ number: UInt64) -> Pending? { pending.removeValue(forKey: number) }

  /// What may be in a log and will not be seen: a snapshot takes the place of the entries.
  mutating func takeProposed() -> [Pending] {
    let numbers: [UInt64] = pending.filter { $0.value.proposed != nil }.map(\.key).sorted()
    return numbers.compactMap { pending.removeValue(forKey: $0) }
  }

  mutating func takeExpired(_ now: MonotonicTime) -> [Pending] {
    var expired: [Pending] = []
    while firstDeadline < byDeadline.count {
      let number: UInt64 = byDeadline[firstDeadline]
      if let one: Pending = pending[number] {
        guard one.deadline <= now else { break }
        pending[number] = nil
        expired.append(one)
      }
      firstDeadline += 1
    }
    if firstDeadline > 1024, firstDeadline * 2 > byDeadline.count {
      byDeadline.removeFirst(firstDeadline)
      firstDeadline = 0
    }
    return expired
  }

  mutating func takeAll() -> [Pending] {
    let all: [Pending] = pending.keys.sorted().compactMap { pending[$0] } + takeAbandoned()
    pending = [:]
    queue = []
    return all
  }
}
