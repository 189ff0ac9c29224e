import Glibc
import Lab
import Primitives
import Processes
import Site
import TLS

/// The lab's network (namespaces as hosts, the wide-area element between the centers) in a machine of its own, a small disk per member,
/// and time namespaces. Runs inside the namespaces that `MachineEntry` has made.
struct MachineGround: Ground {
  let lab: Lab
  private let memberDisk: MemberDisk
  private let hasTimeNamespaces: Bool

  init(lab: Lab, disk: MemberDisk = .memory(TortureLimits.diskBytes)) {
    self.lab = lab
    memberDisk = disk
    hasTimeNamespaces = access("/proc/self/ns/time", F_OK) == 0
  }

  var name: String { "network namespaces, the wide-area element, a disk of \(TortureLimits.diskBytes >> 20) MiB per member" }
  var kinds: Set<Injection.Kind> {
    Set(Injection.Kind.allCases).subtracting(hasTimeNamespaces ? [] : [.clock])
  }
  var missing: [String] {
    (hasTimeNamespaces ? [] : ["This kernel has no time namespaces: no member is restarted with other clocks."])
      + ["The date is not changed: it is the whole machine's, and members take no decision by it."]
  }

  private func address(_ member: Int) -> String { lab.site.hosts[member].address.description }
  func clientAddress(_ member: Int) -> (host: String, port: Int) { (address(member), 2_379) }
  func peerAddress(_ member: Int) -> (host: String, port: Int) { (address(member), 2_380) }
  func peerListener(_ member: Int) -> (host: String, port: Int) { peerAddress(member) }
  func disk(_ member: Int) -> String { "\(lab.directory.path)/disks/\(TortureLayout.members[member].name)" }
  func dataFolder(_ member: Int) -> String { "\(disk(member))/store" }

  func onHost(_ member: Int, clock: Int?, _ command: [String]) -> [String] {
    var words: [String] = ["nsenter", "--net=\(lab.networkNamespace(of: lab.site.hosts[member].name))"]
    if let clock {
      let offset: Int64 = Int64(clock) - SystemClock().now().nanoseconds / 1_000_000_000
      words += ["unshare", "--time", "--fork", "--kill-child", "--boottime", "\(offset)", "--monotonic", "\(offset)"]
    }
    return words + command
  }

  /// Clients live beside the wide area, one cable away from every center: what is cut between centers does not cut them off.
  func prepare() async throws {
    for member in TortureLayout.members.indices { try await memberDisk.mount(at: disk(member)) }
    try await lab.bringUpNetwork { _ in }
    try await lab.attachClients()
  }

  func setLine(from: Int, to: Int, _ state: LineState) async throws {
    try lab.link(
      TortureLayout.centers[from], TortureLayout.centers[to], oneWay: true, .init(delay: state.delay, loss: state.loss, cut: state.cut))
  }

  func counts(from: Int, to: Int) -> LineCounts? {
    let (from, to): (String, String) = (TortureLayout.centers[from], TortureLayout.centers[to])
    guard let line: LineReport = try? lab.lines().first(where: { $0.from == from && $0.to == to }) else { return nil }
    return LineCounts(carried: line.carried, lost: line.lost, blocked: line.blocked)
  }

  func isFull(_ member: Int) -> Bool {
    var space = statvfs()
    return statvfs(disk(member), &space) == 0 && space.f_bavail == 0
  }

  /// The time namespace of what the process started last is not this one's (time_namespaces(7)); `unshare` itself stays in the old one.
  func hasOwnClock(_ pid: Int32) -> Bool {
    func namespace(_ name: String) -> String {
      var buffer = [CChar](repeating: 0, count: 64)
      let length: Int = readlink("/proc/\(name)/ns/time_for_children", &buffer, buffer.count)
      return String(decoding: buffer[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    let (own, other): (String, String) = (namespace("self"), namespace("\(pid)"))
    return !other.isEmpty && other != own
  }

  private func filler(_ member: Int) -> String { "\(disk(member))/filler" }

  func fillDisk(_ member: Int) throws {
    let file: Int32 = open(filler(member), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      throw TortureError(.ground, "The disk of member \(member) cannot be filled: \(String(cString: strerror(errno))).")
    }
    defer { close(file) }
    let block = Bytes(repeating: 0x5A, count: 1 << 16)
    // Until not one block fits; then what is left, page by page.
    while write(file, block, block.count) == block.count {}
    while write(file, block, 4_096) == 4_096 {}
  }

  func freeDisk(_ member: Int) { unlink(filler(member)) }
  func noteProcess(_ member: Int, _ pid: Int32?) {}

  /// Everything else ends with the machine's first process.
  func tearDown() async {
    for member in TortureLayout.members.indices { await memberDisk.unmount(from: disk(member)) }
  }
}
