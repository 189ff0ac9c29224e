/// Nanoseconds since the history began, on the recorder's own clock.
public typealias Moment = Int64

/// What a client asked of one member, and what came of it.
///
/// Values are numbers that no two writes of a history share; 0 stands for "no such key". So whoever reads a value knows which write he
/// reads, and a write that is in the store twice is seen.
public struct Call: Hashable, Sendable {
  public enum Action: Hashable, Sendable {
    case get
    /// From the member's own memory, without asking the others.
    case getSerializable
    case put(UInt64)
    /// Writes only if the key has the value `expected` (0: is absent).
    case compareAndPut(expected: UInt64, UInt64)
    case delete
  }

  public struct Answer: Hashable, Sendable {
    /// The store's revision that the answer names: a write's own, or the one that was read.
    public var revision: Int64
    /// get: what was read. A compare-and-put that did not write: what it found.
    public var value: UInt64
    /// Of the version that was read; 0 where none was.
    public var modRevision: Int64
    /// A compare-and-put that wrote, a deletion that deleted; true for a put.
    public var changed: Bool

    public init(revision: Int64, value: UInt64 = 0, modRevision: Int64 = 0, changed: Bool = false) {
      self.revision = revision
      self.value = value
      self.modRevision = modRevision
      self.changed = changed
    }
  }

  public var client: Int
  public var member: Int
  /// How often the member had been started when the call began: a process's memory ends with it.
  public var life: Int
  public var key: String
  public var action: Action
  public var begin: Moment
  /// When the answer came, or when the client gave up waiting for one.
  public var end: Moment
  /// nil: the outcome is unknown. The call may take effect at any time after `begin`, also after `end`, or never.
  public var answer: Answer?
  /// The life of the member when the answer came.
  public var lifeAtEnd: Int

  public init(
    client: Int, member: Int, life: Int = 0, key: String, action: Action, begin: Moment, end: Moment, answer: Answer?, lifeAtEnd: Int? = nil
  ) {
    self.client = client
    self.member = member
    self.life = life
    self.key = key
    self.action = action
    self.begin = begin
    self.end = end
    self.answer = answer
    self.lifeAtEnd = lifeAtEnd ?? life
  }

  /// The value that the call writes if it does.
  public var written: UInt64? {
    switch action {
    case .put(let value), .compareAndPut(_, let value): value
    case .get, .getSerializable, .delete: nil
    }
  }

  /// A read says nothing unless it was answered.
  public var isRead: Bool { action == .get || action == .getSerializable }
}

extension Call: CustomStringConvertible {
  public var description: String {
    "client \(client) at member \(member), \(milliseconds(begin)) to \(milliseconds(end)) ms: \(action) \(key) → \(answer.map { "\($0)" } ?? "unknown")"
  }
}

extension Call.Action: CustomStringConvertible {
  public var description: String {
    switch self {
    case .get: "get"
    case .getSerializable: "serializable get"
    case .put(let value): "put \(value)"
    case .compareAndPut(let expected, let value): "put \(value) if \(expected)"
    case .delete: "delete"
    }
  }
}

extension Call.Answer: CustomStringConvertible {
  public var description: String { "value \(value) of \(modRevision), \(changed ? "changed" : "unchanged"), at revision \(revision)" }
}

func milliseconds(_ moment: Moment) -> Int64 { moment / 1_000_000 }
