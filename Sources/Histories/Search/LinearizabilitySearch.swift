/// Looks for an order of overlapping operations that a sequential model accepts: Wing and Gong (1993) with the memory of Lowe (2017), which
/// does not try the same operations in the same state twice. An operation whose outcome is unknown may come at any time after its
/// beginning, and need not come at all.
public struct LinearizabilitySearch<Model: SequentialModel>: Sendable {
  public struct Interval: Sendable {
    public var begin: Moment
    /// nil: unknown outcome.
    public var end: Moment?
    public var operation: Model.Operation
    public init(begin: Moment, end: Moment?, operation: Model.Operation) {
      self.begin = begin
      self.end = end
      self.operation = operation
    }
  }

  public enum Verdict: Hashable, Sendable {
    case linearizable
    /// No order exists. `blocked`: the operation that could not be placed in the longest order found; `placed`: how many were.
    case notLinearizable(blocked: Int, placed: Int)
    /// Given up after `HistoriesLimits.searchSteps` configurations.
    case undecided
  }

  let model: Model
  let stepLimit: Int

  public init(_ model: Model, stepLimit: Int = HistoriesLimits.searchSteps) {
    self.model = model
    self.stepLimit = stepLimit
  }

  /// A configuration that was tried: which operations stand in the order, and the state after them.
  private struct Seen: Hashable {
    var placed: [UInt64]
    var state: Model.State
  }

  public func judge(_ intervals: [Interval]) -> Verdict {
    var list = EventList(intervals.map { ($0.begin, $0.end) })
    var openKnown: Int = intervals.count { $0.end != nil }
    guard openKnown > 0 else { return .linearizable }
    var placed = [UInt64](repeating: 0, count: (intervals.count + 63) / 64)
    var state: Model.State = model.initial
    var seen: Set<Seen> = []
    var order: [(operation: Int, before: Model.State)] = []
    var longest: (count: Int, blocked: Int) = (-1, 0)
    var node: Int = list.first
    while true {
      if list.isCall(node) {
        let index: Int = list.operation(node)
        if let next: Model.State = model.step(state, intervals[index].operation) {
          placed[index / 64] |= 1 << UInt64(index % 64)
          if seen.insert(Seen(placed: placed, state: next)).inserted {
            if seen.count > stepLimit { return .undecided }
            order.append((index, state))
            state = next
            list.lift(index)
            if intervals[index].end != nil { openKnown -= 1 }
            if openKnown == 0 { return .linearizable }
            node = list.first
            continue
          }
          placed[index / 64] &= ~(1 << UInt64(index % 64))
        }
        node = list.next(node)
      } else {
        // A return, or the end: what is in front of it must be placed before, and could not be.
        if order.count > longest.count { longest = (order.count, list.operation(node)) }
        guard let last: (operation: Int, before: Model.State) = order.popLast() else {
          return .notLinearizable(blocked: longest.blocked, placed: longest.count)
        }
        state = last.before
        placed[last.operation / 64] &= ~(1 << UInt64(last.operation % 64))
        if intervals[last.operation].end != nil { openKnown += 1 }
        list.unlift(last.operation)
        node = list.next(list.call(last.operation))
      }
    }
  }
}
