/// Linearizability over all keys at once, exactly and in one pass: every answer names a revision, so it names its place in the only order
/// that there can be. A write at revision R stands at 2R, what saw revision R without changing it at 2R + 1. In that order every
/// answer must be what the store's history says, and nothing may stand before what was finished before it began.
enum RevisionOrder {
  static func violations(_ calls: [Call], _ chronicle: Chronicle) -> [Violation] {
    var violations: [Violation] = []
    var placed: [(call: Call, place: Int64)] = []
    for call in calls where call.action != .getSerializable {
      if let answer: Call.Answer = call.answer {
        if let sentence: String = disagreement(call, answer, chronicle) { violations.append(Violation(.linearizability, sentence)) }
        placed.append((call, answer.changed ? 2 * answer.revision : 2 * answer.revision + 1))
      } else if let value: UInt64 = call.written, let place: Change = chronicle.places(of: value).first {
        // Its client does not know, but it is there.
        placed.append((call, 2 * place.revision))
      }
    }
    return violations + realTime(placed)
  }

  private static func disagreement(_ call: Call, _ answer: Call.Answer, _ chronicle: Chronicle) -> String? {
    let before: Int64 = answer.changed ? answer.revision - 1 : answer.revision
    let (value, revision): (UInt64, Int64) = chronicle.version(of: call.key, at: before)
    func wrong(_ what: String) -> String { "\(what) (value \(value) of \(revision) stood there): \(call)" }
    switch call.action {
    case .get, .getSerializable:
      return answer.value == value && answer.modRevision == revision ? nil : wrong("a read tells what was not there")
    case .put: return nil
    case .compareAndPut(let expected, _):
      if answer.changed { return value == expected ? nil : wrong("a compare-and-put wrote over another value") }
      return value != expected && answer.value == value ? nil : wrong("a compare-and-put was refused for what was not there")
    case .delete: return answer.changed == (value != 0) ? nil : wrong("a deletion tells what was not there")
    }
  }

  private static func realTime(_ placed: [(call: Call, place: Int64)]) -> [Violation] {
    let byBegin: [(call: Call, place: Int64)] = placed.sorted { $0.call.begin < $1.call.begin }
    let byEnd: [(call: Call, place: Int64)] = placed.filter { $0.call.answer != nil }.sorted { $0.call.end < $1.call.end }
    var violations: [Violation] = []
    var finished: (call: Call, place: Int64)?
    var next: Int = 0
    for entry in byBegin {
      while next < byEnd.count, byEnd[next].call.end < entry.call.begin {
        if byEnd[next].place > finished?.place ?? .min { finished = byEnd[next] }
        next += 1
      }
      if let finished, entry.place < finished.place {
        violations.append(
          Violation(
            .realTime,
            "\(entry.call) stands at revision \(entry.place / 2), before revision \(finished.place / 2), which was finished before it began: \(finished.call)"
          ))
      }
    }
    return violations
  }
}
