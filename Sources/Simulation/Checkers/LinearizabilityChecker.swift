import Primitives

/// Linearizability in the sense of Herlihy and Wing, of each key by itself, from nothing but calls and answers: the search of Wing and Gong
/// ("Testing and verifying concurrent objects", 1993) with Lowe's memory of configurations seen ("Testing for linearizability", 2017).
/// Linearizability is local, so what holds for each key holds for all. The search is bounded; a key that it cannot decide is counted.
struct LinearizabilityChecker {
  private enum Action: Hashable {
    case write(Int32)
    case read(Int32)
    /// Writes the second if the first is there.
    case swap(Int32, Int32)
  }
  private struct Call {
    var request: UInt64
    var key: Int
    /// Places in the order of all calls and answers.
    var start: Int32
    /// `.max`: it may happen at any time, or never.
    var end: Int32 = .max
    var action: Action
  }
  private var calls: [Call] = []
  private var open: [UInt64: [Int]] = [:]
  private var clock: Int32 = 0
  private var values: [Bytes: Int32] = [:]

  private mutating func number(_ value: Bytes?) -> Int32 {
    guard let value else { return 0 }
    if let known: Int32 = values[value] { return known }
    let new = Int32(values.count + 1)
    values[value] = new
    return new
  }

  /// What stands there before anything else.
  mutating func begin(_ key: Int, _ value: Bytes?) {
    clock += 2
    calls.append(Call(request: 0, key: key, start: clock - 1, end: clock, action: .write(number(value))))
  }

  mutating func onCall(_ request: ClientRequest) {
    clock += 1
    var actions: [(Int, Action)] = []
    switch request.operation {
    case .put(let key, let value): actions = [(key, .write(number(value)))]
    case .putTwo(let key, let other, let value):
      let number: Int32 = number(value)
      actions = [(key, .write(number)), (other, .write(number))]
    case .delete(let key): actions = [(key, .write(0))]
    case .deleteRange(let first, let end): actions = (first..<end).map { ($0, .write(0)) }
    case .get(let key): actions = [(key, .read(-1))]
    // What it expects to find, the client learned with the revision: see `onReturn` and `onGivenUp`.
    case .compareAndPut(let key, _, let value): actions = [(key, .swap(-1, number(value)))]
    default: return
    }
    for (key, action) in actions {
      open[request.id, default: []].append(calls.count)
      calls.append(Call(request: request.id, key: key, start: clock, action: action))
    }
  }

  /// What the client thinks stands there, for a comparison by revision.
  mutating func expects(_ request: UInt64, _ value: Bytes?) {
    let number: Int32 = number(value)
    for place in open[request] ?? [] {
      if case .swap(_, let new) = calls[place].action { calls[place].action = .swap(number, new) }
    }
  }

  mutating func onReturn(_ request: ClientRequest, _ seen: OperationResult) {
    clock += 1
    for place in open.removeValue(forKey: request.id) ?? [] {
      calls[place].end = clock
      switch calls[place].action {
      case .read: calls[place].action = .read(number(seen.value))
      case .swap where !seen.succeeded: calls[place].action = .read(number(seen.value))
      default: break
      }
    }
  }

  mutating func onGivenUp(_ request: ClientRequest, isRefused: Bool) {
    clock += 1
    for place in open.removeValue(forKey: request.id) ?? [] {
      if isRefused { calls[place].key = -1 }
      if case .read = calls[place].action { calls[place].key = -1 }
    }
  }

  /// At the end of a history. Returns what is wrong, and how many keys were not decided.
  mutating func check() -> (problem: String?, undecided: Int) {
    for places in open.values {
      for place in places { if case .read = calls[place].action { calls[place].key = -1 } }
    }
    var undecided: Int = 0
    for key in 0..<SimulationLimits.plainKeys {
      let ofKey: [Call] = calls.filter { $0.key == key }
      // The first calls only: a beginning of a linearizable history is linearizable when what was not finished by its end is open.
      var looked: [Call] = Array(ofKey.prefix(SimulationLimits.searchedOperations))
      if ofKey.count > looked.count {
        let end: Int32 = ofKey[looked.count].start
        for place in looked.indices where looked[place].end > end {
          if case .read = looked[place].action { looked[place].key = -1 }
          looked[place].end = .max
        }
        looked.removeAll { $0.key < 0 }
      }
      switch Search(looked).run() {
      case true?: break
      case false?: return ("no order of the \(looked.count) operations of key \(key) explains what clients were told", undecided)
      case nil: undecided += 1
      }
    }
    return (nil, undecided)
  }

  /// One key.
  private struct Search {
    private struct Configuration: Hashable {
      var low: UInt64 = 0
      var high: UInt64 = 0
      var value: Int32 = 0
      func has(_ place: Int) -> Bool { (place < 64 ? low >> UInt64(place) : high >> UInt64(place - 64)) & 1 != 0 }
      mutating func add(_ place: Int) { if place < 64 { low |= 1 << UInt64(place) } else { high |= 1 << UInt64(place - 64) } }
    }
    private let calls: [Call]

    init(_ calls: [Call]) { self.calls = calls }

    /// nil: too many steps.
    func run() -> Bool? {
      var seen: Set<Configuration> = []
      var stack: [Configuration] = [Configuration()]
      var steps: Int = 0
      while let configuration: Configuration = stack.popLast() {
        steps += 1
        if steps > SimulationLimits.searchSteps { return nil }
        var firstEnd: Int32 = .max
        for place in calls.indices where !configuration.has(place) && calls[place].end < firstEnd { firstEnd = calls[place].end }
        // Only what nobody was told the end of is left.
        if firstEnd == .max { return true }
        // Those that must come first are tried first: the last one pushed.
        for place in calls.indices.reversed() where !configuration.has(place) && calls[place].start < firstEnd {
          guard let value: Int32 = Self.apply(calls[place], configuration.value) else { continue }
          var next: Configuration = configuration
          next.value = value
          next.add(place)
          if seen.insert(next).inserted { stack.append(next) }
        }
      }
      return false
    }

    /// nil: it cannot happen now.
    private static func apply(_ call: Call, _ value: Int32) -> Int32? {
      switch call.action {
      case .write(let new): return new
      case .read(let seen): return seen == value ? value : nil
      case .swap(let old, let new): return old == value ? new : nil
      }
    }
  }
}
