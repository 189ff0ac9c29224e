import Lab
import Primitives

/// What one direction of a line does to what is sent on it.
struct LineState: Hashable, Sendable {
  var cut: Bool = false
  /// One way.
  var delay: Duration
  /// Part of the packets, 0 to 1.
  var loss: Double = 0
}

/// What one direction of a line has done so far, in packets.
struct LineCounts: Hashable, Sendable {
  var carried: Int = 0
  var lost: Int = 0
  var blocked: Int = 0
}

/// Where the members run: their network, their disks, their clocks.
protocol Ground: Sendable {
  var lab: Lab { get }
  /// For reports.
  var name: String { get }
  var kinds: Set<Injection.Kind> { get }
  /// What cannot be done here, in sentences.
  var missing: [String] { get }
  /// Where clients reach a member.
  func clientAddress(_ member: Int) -> (host: String, port: Int)
  /// Where the other members reach it.
  func peerAddress(_ member: Int) -> (host: String, port: Int)
  /// Where it listens for them.
  func peerListener(_ member: Int) -> (host: String, port: Int)
  func dataFolder(_ member: Int) -> String
  /// `command` as it is started on the member's host; `clock`: seconds that monotonic clocks and the time since boot show.
  func onHost(_ member: Int, clock: Int?, _ command: [String]) -> [String]
  /// Network and disks; members are not started yet.
  func prepare() async throws
  func setLine(from: Int, to: Int, _ state: LineState) async throws
  /// nil where nobody counts.
  func counts(from: Int, to: Int) -> LineCounts?
  /// Whether the member's disk has no byte left for it.
  func isFull(_ member: Int) -> Bool
  /// Whether the process was started with monotonic clocks of its own.
  func hasOwnClock(_ pid: Int32) -> Bool
  func fillDisk(_ member: Int) throws
  func freeDisk(_ member: Int)
  /// Told once a member was started: what it connects from is known by its pid.
  func noteProcess(_ member: Int, _ pid: Int32?)
  func tearDown() async
}
