/// A serializable read may be old, but it is something that was, and in one session of one member it never goes back.
enum SerializableRules {
  private struct Session: Hashable {
    var client: Int
    var member: Int
    var life: Int
  }

  static func violations(_ calls: [Call], _ chronicle: Chronicle) -> [Violation] {
    var violations: [Violation] = []
    var newest: [Session: Call] = [:]
    for call in calls.filter({ $0.action == .getSerializable }).sorted(by: { $0.begin < $1.begin }) {
      guard let answer: Call.Answer = call.answer else { continue }
      let (value, revision): (UInt64, Int64) = chronicle.version(of: call.key, at: answer.revision)
      if answer.value != value || answer.modRevision != revision {
        violations.append(Violation(.serializableReads, "value \(value) of \(revision) stood there: \(call)"))
      }
      // A process that was started again may know less than the one before it, until it has caught up.
      guard call.life == call.lifeAtEnd else { continue }
      let session = Session(client: call.client, member: call.member, life: call.life)
      if let last: Call = newest[session], last.end <= call.begin, let seen: Call.Answer = last.answer {
        if answer.revision < seen.revision {
          violations.append(Violation(.serializableReads, "went back from revision \(seen.revision): \(call)"))
        }
      }
      if answer.revision >= newest[session]?.answer?.revision ?? 0 { newest[session] = call }
    }
    return violations
  }
}
