import Histories

/// Short ways to write histories down. Times are in milliseconds.
func call(
  _ client: Int, _ action: Call.Action, _ key: String = "k", at begin: Int64, to end: Int64, revision: Int64? = nil, value: UInt64 = 0,
  mod: Int64 = 0, changed: Bool = false, member: Int = 0, life: Int = 0, lifeAtEnd: Int? = nil
) -> Call {
  Call(
    client: client, member: member, life: life, key: key, action: action, begin: begin * 1_000_000, end: end * 1_000_000,
    answer: revision.map { Call.Answer(revision: $0, value: value, modRevision: mod, changed: changed) }, lifeAtEnd: lifeAtEnd)
}

func put(_ value: UInt64, _ key: String = "k", at begin: Int64, to end: Int64, revision: Int64?) -> Call {
  call(1, .put(value), key, at: begin, to: end, revision: revision, changed: true)
}

func get(_ value: UInt64, _ key: String = "k", at begin: Int64, to end: Int64, revision: Int64, mod: Int64) -> Call {
  call(2, .get, key, at: begin, to: end, revision: revision, value: value, mod: mod)
}

func history(_ calls: [Call], _ changes: [Change], members: Int = 2) -> History {
  var history = History()
  history.calls = calls
  history.replays = (0..<members).map { ($0, changes) }
  return history
}

func violations(_ history: History, until: Int64 = 60_000) -> [Violation] {
  Judge(leasePatience: 1_000_000_000).judge(history, until: until * 1_000_000).violations
}

func rules(_ history: History, until: Int64 = 60_000) -> Set<Violation.Rule> { Set(violations(history, until: until).map(\.rule)) }

func change(_ revision: Int64, _ value: UInt64, _ key: String = "k") -> Change { Change(revision: revision, key: key, value: value) }
