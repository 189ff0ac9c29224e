import Primitives

public enum JournalDomain: FaultDomain { public static let name = "journal" }
public typealias JournalError = Fault<JournalDomain>

extension Fault<JournalDomain>.Code {
  /// The disk is full. Nothing after the last completed append is durable; the member must stop acknowledging.
  public static let noSpace = Self("noSpace")
  /// The disk failed. The same holds, and a sync that failed is never tried again: what it should have written is unknown.
  public static let io = Self("io")
  /// Something durable is damaged. The member must not vote before it is restored from its peers.
  public static let corrupt = Self("corrupt")
  /// Another process has this journal open.
  public static let locked = Self("locked")
  /// An entry that fits no segment.
  public static let tooLarge = Self("tooLarge")
  /// The journal was closed.
  public static let closed = Self("closed")
  /// No such file.
  public static let notFound = Self("notFound")
}
