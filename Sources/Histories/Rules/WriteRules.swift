/// No acknowledged write is lost, none is there twice or elsewhere, and nothing is there that nobody wrote.
enum WriteRules {
  /// `mayVanish`: keys that end with a lease.
  static func violations(_ calls: [Call], _ chronicle: Chronicle, mayVanish: Set<String>) -> [Violation] {
    var violations: [Violation] = []
    var known: Set<UInt64> = []
    var deletions: [String: Set<Int64>] = [:]
    var unknownDeletions: Set<String> = []
    for call in calls {
      if let value: UInt64 = call.written {
        if !known.insert(value).inserted {
          violations.append(Violation(.acknowledgedWrites, "value \(value) was used twice by the clients"))
        }
        violations += judge(call, value, chronicle)
      } else if call.action == .delete {
        guard let answer: Call.Answer = call.answer else {
          unknownDeletions.insert(call.key)
          continue
        }
        guard answer.changed else { continue }
        if chronicle.change(of: call.key, at: answer.revision)?.value != 0 {
          violations.append(Violation(.acknowledgedWrites, "a deletion is lost: \(call)"))
        }
        if !deletions[call.key, default: []].insert(answer.revision).inserted {
          violations.append(Violation(.acknowledgedWrites, "two deletions were acknowledged at one revision: \(call)"))
        }
      }
    }
    for change in chronicle.changes {
      if change.value != 0 {
        if !known.contains(change.value) { violations.append(Violation(.acknowledgedWrites, "nobody wrote the \(change)")) }
      } else if !mayVanish.contains(change.key), !unknownDeletions.contains(change.key),
        deletions[change.key]?.contains(change.revision) != true
      {
        violations.append(Violation(.acknowledgedWrites, "nobody asked for the \(change)"))
      }
    }
    return violations
  }

  private static func judge(_ call: Call, _ value: UInt64, _ chronicle: Chronicle) -> [Violation] {
    let places: [Change] = chronicle.places(of: value)
    if places.count > 1 {
      return [Violation(.acknowledgedWrites, "a write is there \(places.count) times, at \(places.map(\.revision)): \(call)")]
    }
    if let place: Change = places.first, place.key != call.key {
      return [Violation(.acknowledgedWrites, "a write is at another key, \(place.key): \(call)")]
    }
    guard let answer: Call.Answer = call.answer else { return [] }
    switch (answer.changed, places.first) {
    case (true, nil): return [Violation(.acknowledgedWrites, "an acknowledged write is lost: \(call)")]
    case (true, let place?) where place.revision != answer.revision:
      return [Violation(.acknowledgedWrites, "a write is at revision \(place.revision): \(call)")]
    case (false, _?): return [Violation(.acknowledgedWrites, "a compare-and-put that found another value was written: \(call)")]
    default: return []
    }
  }
}
