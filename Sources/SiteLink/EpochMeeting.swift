/// The cluster since survivors of a lost majority last became a new one: its number grows with each, and the mark tells two apart that were
/// founded under the same number by people who did not hear of each other.
public struct LinkEpoch: Hashable, Sendable {
  public var number: UInt64
  /// 0: not known, from a member that was made before there were marks.
  public var mark: UInt64

  public init(number: UInt64 = 0, mark: UInt64 = 0) {
    self.number = number
    self.mark = mark
  }
}

/// Two members greet each other: connections stand within one epoch of the cluster only.
public enum EpochMeeting: Hashable, Sendable {
  case same
  /// It is told where the newer epoch began, and must rejoin.
  case callerIsBehind
  /// It waits until the one that it called has heard of its epoch, from whomever that one calls.
  case callerIsAhead
  /// Two clusters under one number: neither is the older one, and nobody but a person can say which shall go on.
  case strangers

  public init(caller: LinkEpoch, own: LinkEpoch) {
    if caller.number != own.number {
      self = caller.number < own.number ? .callerIsBehind : .callerIsAhead
    } else {
      self = caller.mark == own.mark || caller.mark == 0 || own.mark == 0 ? .same : .strangers
    }
  }
}
