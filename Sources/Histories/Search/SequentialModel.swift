/// What one client alone would see: the rule against which a history of many is judged.
public protocol SequentialModel: Sendable {
  associatedtype State: Hashable & Sendable
  associatedtype Operation: Sendable
  var initial: State { get }
  /// The state after the operation; nil if it could not have been answered so in this state. An operation of unknown outcome always has
  /// a state after it.
  func step(_ state: State, _ operation: Operation) -> State?
}

/// One key: a register with put, compare-and-put and deletion. Keys do not touch each other, so a history is linearizable if each key's
/// is (Herlihy and Wing 1990, locality).
public struct RegisterModel: SequentialModel {
  public init() {}
  public var initial: UInt64 { 0 }

  public func step(_ state: UInt64, _ call: Call) -> UInt64? {
    switch call.action {
    case .get, .getSerializable:
      guard let answer: Call.Answer = call.answer else { return state }
      return answer.value == state ? state : nil
    case .put(let value): return value
    case .compareAndPut(let expected, let value):
      guard let answer: Call.Answer = call.answer else { return state == expected ? value : state }
      if answer.changed { return state == expected ? value : nil }
      return state != expected && state == answer.value ? state : nil
    case .delete:
      guard let answer: Call.Answer = call.answer else { return 0 }
      return answer.changed == (state != 0) ? 0 : nil
    }
  }
}
