/// Every member tells the same history, change by change.
enum EqualMembers {
  static func violations(_ replays: [(member: Int, changes: [Change])]) -> [Violation] {
    guard let first = replays.first else { return [Violation(.equalMembers, "no member told its history")] }
    var violations: [Violation] = []
    for (last, next) in zip(first.changes, first.changes.dropFirst()) where next.revision < last.revision {
      violations.append(Violation(.equalMembers, "member \(first.member) tells the \(next) after the \(last)"))
    }
    for other in replays.dropFirst() where other.changes != first.changes {
      let place: Int =
        zip(first.changes, other.changes).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        ?? min(first.changes.count, other.changes.count)
      violations.append(
        Violation(
          .equalMembers,
          "members \(first.member) and \(other.member) tell different histories: change \(place) is \(told(first.changes, place)) and \(told(other.changes, place))"
        ))
    }
    return violations
  }

  private static func told(_ changes: [Change], _ place: Int) -> String {
    place < changes.count ? "the \(changes[place])" : "not there"
  }
}
