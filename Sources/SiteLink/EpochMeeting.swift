/// Two members greet each other: connections stand within one epoch of the cluster only.
public enum EpochMeeting: Hashable, Sendable {
  case same
  /// It is told where the newer epoch began, and must rejoin.
  case callerIsBehind
  /// It waits until the one that it called has heard of its epoch, from whomever that one calls.
  case callerIsAhead

  public init(caller: UInt64, own: UInt64) { self = caller == own ? .same : caller < own ? .callerIsBehind : .callerIsAhead }
}
