import Primitives

public enum ConsensusDomain: FaultDomain { public static let name = "consensus" }
public typealias ConsensusError = Fault<ConsensusDomain>

extension Fault<ConsensusDomain>.Code {
  /// Bytes that are no message, entry or state of ours. Whoever sent them is refused; whoever stored them has a broken disk.
  public static let malformed = Self("malformed")
  /// The bytes were written by a version that this one cannot read.
  public static let unknownVersion = Self("unknownVersion")
  /// A configuration that cannot work: see the message.
  public static let invalidConfiguration = Self("invalidConfiguration")
  /// What the disk gave back contradicts itself: gaps, entries before the snapshot, terms that go back.
  public static let inconsistentState = Self("inconsistentState")
  /// A state that the protocol excludes was seen while running: the member halts before it can do harm.
  public static let halted = Self("halted")
}
