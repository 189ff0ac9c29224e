/// What was counted at the fence of a copy, and beyond it: packets, as the kernel counted them. The lab counts, drills judge.
public struct FenceCounts: Hashable, Sendable {
  /// They wanted out of the copy and were dropped.
  public var stopped: Int64
  /// Among the copy's own hosts.
  public var within: Int64
  /// They passed the fence; the far end of the edge received them.
  public var left: Int64
  public var received: Int64
  /// They came in from outside.
  public var entered: Int64
  /// With an address of the copy, in every namespace of the real network together; how many namespaces were asked.
  public var seenOutside: Int64
  public var witnesses: Int
  /// Cables with an end outside the copy.
  public var foreignCables: [String]

  public init(
    stopped: Int64, within: Int64, left: Int64, received: Int64, entered: Int64, seenOutside: Int64, witnesses: Int, foreignCables: [String]
  ) {
    self.stopped = stopped
    self.within = within
    self.left = left
    self.received = received
    self.entered = entered
    self.seenOutside = seenOutside
    self.witnesses = witnesses
    self.foreignCables = foreignCables
  }
}
