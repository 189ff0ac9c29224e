import Glibc
import Lab
import NIOCore
import NIOPosix
import Primitives
import Site
import Synchronization

/// Five addresses of loopback with a relay in front of each member's peer port, which stops or delays what passes between centers.
/// Works for everyone.
final class LoopbackGround: Ground {
  let lab: Lab
  private let reason: String
  private let lines: LineTable
  private let owners: SocketOwners
  private let ports: [(client: Int, peer: Int, relay: Int)]
  private let relays: Mutex<[any Channel]> = Mutex([])

  init(lab: Lab, reason: String) throws {
    self.lab = lab
    self.reason = reason
    ports = try lab.site.hosts.map { host -> (client: Int, peer: Int, relay: Int) in
      let free: [Int] = try FreePorts.find(3, on: host.address.description)
      return (free[0], free[1], free[2])
    }
    lines = LineTable()
    owners = SocketOwners()
  }

  var name: String { "loopback addresses with relays" }
  var kinds: Set<Injection.Kind> { [.kill, .freeze, .cut, .oneWayCut, .delay] }
  var missing: [String] {
    [
      "No namespaces: \(reason).", "A cut holds bytes back instead of losing packets; no packet is lost on loopback.",
      "No disk is filled and no clock is set: both need mounts and time namespaces.",
    ]
  }

  private func address(_ member: Int) -> String { lab.site.hosts[member].address.description }
  func clientAddress(_ member: Int) -> (host: String, port: Int) { (address(member), ports[member].client) }
  func peerAddress(_ member: Int) -> (host: String, port: Int) { (address(member), ports[member].relay) }
  func peerListener(_ member: Int) -> (host: String, port: Int) { (address(member), ports[member].peer) }
  func dataFolder(_ member: Int) -> String { "\(lab.directory.path)/members/\(TortureLayout.members[member].name)" }
  func onHost(_ member: Int, clock: Int?, _ command: [String]) -> [String] { command }

  func prepare() async throws {
    try LabDirectory.make("\(lab.directory.path)/members")
    for member in TortureLayout.members.indices {
      let target: (host: String, port: Int) = peerListener(member)
      let channel: any Channel = try await LinkRelay.listen(
        on: peerAddress(member), to: target, center: TortureLayout.members[member].center, lines: lines, owners: owners)
      relays.withLock { $0.append(channel) }
    }
  }

  func setLine(from: Int, to: Int, _ state: LineState) async throws { lines.set(from: from, to: to, state) }
  func counts(from: Int, to: Int) -> LineCounts? { nil }
  func isFull(_ member: Int) -> Bool { false }
  func hasOwnClock(_ pid: Int32) -> Bool { false }
  func fillDisk(_ member: Int) throws {}
  func freeDisk(_ member: Int) {}
  func noteProcess(_ member: Int, _ pid: Int32?) { owners.note(TortureLayout.members[member].center, member: member, pid: pid) }

  func tearDown() async {
    for relay in relays.withLock({ $0 }) { try? await relay.close() }
  }
}

/// TCP ports that were free a moment ago.
enum FreePorts {
  static func find(_ count: Int, on address: String) throws -> [Int] {
    var sockets: [Int32] = []
    defer { for socket in sockets { close(socket) } }
    return try (0..<count).map { _ in
      let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      sockets.append(descriptor)
      var place = sockaddr_in()
      place.sin_family = sa_family_t(AF_INET)
      inet_pton(AF_INET, address, &place.sin_addr)
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let bound: Int32 = withUnsafeMutablePointer(to: &place) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
          bind(descriptor, place, length) == 0 ? getsockname(descriptor, place, &length) : -1
        }
      }
      guard bound == 0 else { throw TortureError(.ground, "No free port on \(address): \(String(cString: strerror(errno))).") }
      return Int(UInt16(bigEndian: place.sin_port))
    }
  }
}
