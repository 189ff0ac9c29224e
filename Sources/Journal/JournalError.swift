import Primitives

public enum JournalDomain: FaultDomain { public static let name = "journal" }
public typealias JournalError = Fault<JournalDomain>

extension Fault<JournalDomain>.Code {
  /// The disk is full. What could not be written waits in the journal, in order, and goes out with the next call once there is space; until
  /// then nothing of it is durable.
  public static let noSpace = Self("noSpace")
  /// The disk failed. The same holds, and a sync that failed is never tried again: what it should have written is unknown.
  public static let io = Self("io")
  /// Something durable is damaged. The member must not vote before it is restored from its peers.
  public static let corrupt = Self("corrupt")
  /// Whole, and written by a version of this program whose segments look otherwise.
  public static let otherVersion = Self("otherVersion")
  /// Another process has this journal open.
  public static let locked = Self("locked")
  /// An entry that fits no segment.
  public static let tooLarge = Self("tooLarge")
  /// The journal was closed.
  public static let closed = Self("closed")
  /// What a snapshot was to be made of cannot be read; the journal itself is well.
  public static let source = Self("source")
  /// No such file.
  public static let notFound = Self("notFound")
}

extension Fault<JournalDomain> {
  /// After a sync that failed for whatever reason it is unknown what reached the disk, and the kernel may call it clean: a second attempt
  /// would succeed and mean nothing. So a full disk that shows itself only there is no shortage to be waited for.
  var asFailedSync: JournalError {
    JournalError(.io, "a sync failed, so what reached the disk is unknown: \(message)", cause: self)
  }
}
