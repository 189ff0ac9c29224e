/// A history as text, one record per line, so that it can be kept, read by people, and judged again.
///
///     call CLIENT MEMBER LIFE LIFE-AT-END BEGIN END KEY ACTION [ANSWER]       ANSWER: revision value modRevision changed
///     watch MEMBER START UP-TO PREFIX                                          then its `told` lines
///     told AT REVISION VALUE KEY
///     lease ID TTL REVOKED-AT|- KEY…                                           then its `renewal` lines
///     renewal BEGIN END
///     replay MEMBER                                                            then its `change` lines
///     change REVISION VALUE KEY
public enum HistoryText {
  /// Keys hold no spaces and no line ends.
  public static func write(_ history: History, line: (String) -> Void) {
    for call in history.calls {
      var text: String =
        "call \(call.client) \(call.member) \(call.life) \(call.lifeAtEnd) \(call.begin) \(call.end) \(call.key) \(action(call.action))"
      if let answer: Call.Answer = call.answer {
        text += " \(answer.revision) \(answer.value) \(answer.modRevision) \(answer.changed ? 1 : 0)"
      }
      line(text)
    }
    for watch in history.watches {
      line("watch \(watch.member) \(watch.start) \(watch.toldUpTo) \(watch.prefix)")
      for told in watch.told { line("told \(told.at) \(told.change.revision) \(told.change.value) \(told.change.key)") }
    }
    for lease in history.leases {
      let revoked: String = lease.revokedAt.map { "\($0)" } ?? "-"
      line((["lease", "\(lease.id)", "\(lease.ttl)", revoked] + lease.keys).joined(separator: " "))
      for renewal in lease.renewals { line("renewal \(renewal.begin) \(renewal.end)") }
    }
    for replay in history.replays {
      line("replay \(replay.member)")
      for change in replay.changes { line("change \(change.revision) \(change.value) \(change.key)") }
    }
  }

  private static func action(_ action: Call.Action) -> String {
    switch action {
    case .get: "get"
    case .getSerializable: "local"
    case .put(let value): "put:\(value)"
    case .compareAndPut(let expected, let value): "swap:\(expected):\(value)"
    case .delete: "delete"
    }
  }

  public struct Unreadable: Error, CustomStringConvertible {
    public var line: Int
    public var description: String { "line \(line) is no record of a history" }
  }

  public static func read(_ text: String) throws(Unreadable) -> History {
    var history = History()
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() where !line.isEmpty {
      guard add(line.split(separator: " "), to: &history) else { throw Unreadable(line: index + 1) }
    }
    return history
  }

  private static func add(_ words: [Substring], to history: inout History) -> Bool {
    func number(_ index: Int) -> Int64? { index < words.count ? Int64(words[index]) : nil }
    func value(_ index: Int) -> UInt64? { index < words.count ? UInt64(words[index]) : nil }
    switch words.first {
    case "call": return addCall(words, to: &history)
    case "watch":
      guard words.count == 5, let member = number(1), let start = number(2), let upTo = number(3) else { return false }
      var watch = WatchRecord(member: Int(member), prefix: String(words[4]), start: start)
      watch.toldUpTo = upTo
      history.watches.append(watch)
    case "told":
      guard words.count == 5, !history.watches.isEmpty, let at = number(1), let revision = number(2), let value = value(3) else {
        return false
      }
      let change = Change(revision: revision, key: String(words[4]), value: value)
      history.watches[history.watches.count - 1].told.append(.init(at: at, change: change))
    case "lease":
      guard words.count >= 4, let id = number(1), let ttl = number(2) else { return false }
      var lease = LeaseRecord(id: id, ttl: ttl, keys: words.dropFirst(4).map(String.init))
      lease.revokedAt = Int64(words[3])
      history.leases.append(lease)
    case "renewal":
      guard words.count == 3, !history.leases.isEmpty, let begin = number(1), let end = number(2) else { return false }
      history.leases[history.leases.count - 1].renewals.append((begin, end))
    case "replay":
      guard words.count == 2, let member = number(1) else { return false }
      history.replays.append((Int(member), []))
    case "change":
      guard words.count == 4, !history.replays.isEmpty, let revision = number(1), let value = value(2) else { return false }
      history.replays[history.replays.count - 1].changes.append(Change(revision: revision, key: String(words[3]), value: value))
    default: return false
    }
    return true
  }

  private static func addCall(_ words: [Substring], to history: inout History) -> Bool {
    guard words.count == 9 || words.count == 13 else { return false }
    let numbers: [Int64] = words[1..<7].compactMap { Int64($0) }
    let parts: [Substring] = words[8].split(separator: ":")
    let values: [UInt64] = parts.dropFirst().compactMap { UInt64($0) }
    let action: Call.Action
    switch (parts.first, values.count) {
    case ("get", 0): action = .get
    case ("local", 0): action = .getSerializable
    case ("delete", 0): action = .delete
    case ("put", 1): action = .put(values[0])
    case ("swap", 2): action = .compareAndPut(expected: values[0], values[1])
    default: return false
    }
    var answer: Call.Answer?
    if words.count == 13 {
      guard let revision = Int64(words[9]), let value = UInt64(words[10]), let mod = Int64(words[11]) else { return false }
      answer = Call.Answer(revision: revision, value: value, modRevision: mod, changed: words[12] == "1")
    }
    guard numbers.count == 6 else { return false }
    history.calls.append(
      Call(
        client: Int(numbers[0]), member: Int(numbers[1]), life: Int(numbers[2]), key: String(words[7]), action: action, begin: numbers[4],
        end: numbers[5], answer: answer, lifeAtEnd: Int(numbers[3])))
    return true
  }
}
