import Primitives

/// A center whose members do not vote: their votes were taken so that the others commit without it. They listen, and vote again when the
/// center is back and has caught up.
public struct Shrink: Hashable, Sendable {
  public var center: String
  /// Its members get their votes back on request only: the center was there when it lost them.
  public var isHeld: Bool
  /// On the leader's clock.
  public var since: WallTime
  public init(center: String, isHeld: Bool, since: WallTime) {
    self.center = center
    self.isHeld = isHeld
    self.since = since
  }
}

extension Shrink {
  func encode(to writer: inout ByteWriter) {
    writer.block(Bytes(center))
    writer.byte(isHeld ? 1 : 0)
    since.encode(to: &writer)
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    let center: String = try reader.text()
    let held: UInt8 = try reader.byte()
    guard held <= 1 else { throw reader.malformed("neither held nor not") }
    self.init(center: center, isHeld: held == 1, since: try WallTime(from: &reader))
  }
}
