/// One event of a watch: a key's new value, or 0 for its deletion.
public struct Change: Hashable, Sendable, CustomStringConvertible {
  public var revision: Int64
  public var key: String
  public var value: UInt64

  public init(revision: Int64, key: String, value: UInt64) {
    self.revision = revision
    self.key = key
    self.value = value
  }

  public var description: String { "\(value == 0 ? "deletion" : "put \(value)") of \(key) at \(revision)" }
}

/// What one watch was told while the faults went on.
public struct WatchRecord: Hashable, Sendable {
  public struct Told: Hashable, Sendable {
    public var at: Moment
    public var change: Change
    public init(at: Moment, change: Change) {
      self.at = at
      self.change = change
    }
  }

  public var member: Int
  public var prefix: String
  /// The first revision that it asked for.
  public var start: Int64
  /// In the order in which it was told.
  public var told: [Told] = []
  /// The member said that everything up to here was told.
  public var toldUpTo: Int64

  public init(member: Int, prefix: String, start: Int64) {
    self.member = member
    self.prefix = prefix
    self.start = start
    toldUpTo = start - 1
  }
}

/// A lease, the keys on it, and when its holder was told that it lives.
public struct LeaseRecord: Hashable, Sendable {
  public var id: Int64
  public var ttl: Moment
  public var keys: [String]
  /// Acknowledged grants and renewals. The store started its time after `begin`.
  public var renewals: [(begin: Moment, end: Moment)] = []
  /// When the holder asked for its end, whatever came of it.
  public var revokedAt: Moment?

  public init(id: Int64, ttl: Moment, keys: [String]) {
    self.id = id
    self.ttl = ttl
    self.keys = keys
  }

  public static func == (left: Self, right: Self) -> Bool { left.id == right.id }
  public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

/// Everything that clients were told, and what the store says at the end that happened.
public struct History: Sendable {
  public var calls: [Call] = []
  public var watches: [WatchRecord] = []
  public var leases: [LeaseRecord] = []
  /// Per member: all changes from the first revision on, read back when all was quiet again.
  public var replays: [(member: Int, changes: [Change])] = []

  public init() {}
}

/// A rule that was broken, in a sentence.
public struct Violation: Hashable, Sendable, CustomStringConvertible {
  public enum Rule: String, Sendable, CaseIterable {
    case linearizability, acknowledgedWrites, realTime, serializableReads, watches, leases, equalMembers
    /// The search was given up: nothing is known, and that is no pass.
    case undecided
  }
  public var rule: Rule
  public var sentence: String
  public init(_ rule: Rule, _ sentence: String) {
    self.rule = rule
    self.sentence = sentence
  }
  public var description: String { "\(rule.rawValue): \(sentence)" }
}
