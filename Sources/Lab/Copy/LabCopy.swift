import CLinux
import Glibc
import Primitives
import Processes
import Site
import TLS

/// A fenced copy beside a lab: made, watched, ended. What runs in it is an ordinary lab in a folder below this one.
extension Lab {
  public struct Copy: Sendable {
    public var plan: CopyPlan
    public var lab: Lab
    /// What was noted when it was made, as JSON; its maker's own affair.
    public var note: String
  }

  /// Not more than this of the machine's memory: everything that a copy writes lies there, so that it costs production's disk nothing and
  /// is gone
  /// with it.
  static let copyMegabytes: Int = 1_536

  /// Folder, certificates, network and fence of a copy, nobody with power yet. One at a time.
  /// Throws `.busy` where one is there, `.missing` where this lab has no namespaces.
  public func makeCopyGround(center: CenterName, token: String, lease: Duration, _ progress: Progress) async throws -> Copy {
    guard usesNamespaces else {
      throw LabError(
        .missing, "A copy is fenced in by network namespaces, and this lab runs on loopback addresses: nothing would hold it back.")
    }
    let folder: LabDirectory = directory.copy
    guard !folder.isCopy || CopyLease(folder).isOver(SystemClock().now()) else {
      throw LabError(.busy, "There is a copy in \(folder.path) already: it ends when its lease runs out, or with `tricenter lab down`.")
    }
    let plan = try CopyPlan(site, center: center, token: token)
    // What a copy before, or the beginning of one, left.
    try await Self.endCopy(directory: directory, progress)
    try LabDirectory.make(folder.path)
    try await Command("mount", "-t", "tmpfs", "-o", "mode=700,size=\(Self.copyMegabytes)m", "tmpfs", folder.path).run()
    try LabDirectory.write("\(center)\t\(token)\n", to: folder.copyMarker)
    try renewCopy(lease)
    // Before anything that would have to be taken away: nothing is begun that nobody would end.
    _ = try startDetached([program, "lab", "copy-keeper", "--directory", directory.path], log: directory.log("copy-keeper"))
    for path in [folder.logs, folder.images] { try LabDirectory.make(path) }
    try LabDirectory.write(plan.text, to: folder.siteFile)
    _ = try FederationPKI(directory: folder.pki).prepare(FederationPlan(plan.site), now: SystemClock().wall())
    progress("the copy's certificates, of an authority of its own")
    try await makeCopyNetwork(plan)
    progress("the copy's network: \(CopyNetwork.namespaces(plan).count) namespaces, \(plan.range), fenced in")
    return Copy(plan: plan, lab: try Lab(directory: folder, program: program), note: "")
  }

  private func makeCopyNetwork(_ plan: CopyPlan) async throws {
    let names: [String] = CopyNetwork.namespaces(plan)
    func batch(_ arguments: [String], _ input: String) async throws { try await Command(arguments, input: Bytes(input)).run() }
    try await batch(["ip", "-batch", "-"], names.map { "netns add \($0)" }.joined(separator: "\n") + "\n")
    let script: String = CopyNetwork.settings.filter { !$0.path.contains("eth0") }
      .map { "[ ! -e /proc/sys/\($0.path) ] || echo \($0.value) > /proc/sys/\($0.path)" }.joined(separator: "\n")
    for name in names { try await Command(["nsenter", "--net=/run/netns/\(name)", "sh", "-c", script]).run() }
    // The fence first, then the cables.
    try await batch(["nsenter", "--net=/run/netns/\(CopyNetwork.router)", "nft", "-f", "-"], CopyNetwork.fence(plan))
    for name in LabNetwork.namespaces(site) {
      try await batch(["nsenter", "--net=/run/netns/\(name)", "nft", "-f", "-"], CopyNetwork.witnessTable(plan))
    }
    try await batch(["ip", "-batch", "-"], CopyNetwork.cables(plan))
    try await batch(["ip", "-n", CopyNetwork.edge, "-batch", "-"], CopyNetwork.edgeSide(plan))
    try await batch(["ip", "-n", CopyNetwork.router, "-batch", "-"], CopyNetwork.routerSide(plan))
    for place in CopyNetwork.layout(plan) {
      for host in place.hosts {
        try await batch(["ip", "-n", LabNetwork.namespace(host.name), "-batch", "-"], CopyNetwork.hostSide(place, host.address))
      }
    }
  }

  /// Keeps a word beside the copy, for whoever takes it up.
  public func noteOnCopy(_ text: String) throws { try LabDirectory.write(text, to: "\(directory.copy.path)/note.json") }

  /// The copy that is there and may live; nil without one.
  public func copy() throws -> Copy? {
    let folder: LabDirectory = directory.copy
    guard let marker: String = LabDirectory.read(folder.copyMarker), !CopyLease(folder).isOver(SystemClock().now()) else { return nil }
    let words: [Substring] = marker.split(whereSeparator: \.isWhitespace)
    guard words.count == 2 else { return nil }
    let plan = try CopyPlan(site, center: CenterName(String(words[0])), token: String(words[1]))
    return Copy(
      plan: plan, lab: try Lab(directory: folder, program: program), note: LabDirectory.read("\(folder.path)/note.json") ?? "")
  }

  /// Its whole lease from now on. Throws `.missing` when it has ended.
  public func renewCopy(_ lease: Duration) throws {
    guard directory.copy.isCopy else { throw LabError(.missing, "There is no copy any more: its lease ran out, or somebody ended it.") }
    try CopyLease(directory.copy).renew(lease, now: SystemClock().now())
  }

  /// Gives its hosts power, with the images of the lab.
  public func powerCopy(_ copy: Copy, _ progress: Progress) async throws {
    for host in copy.plan.hosts { try copy.lab.power(on: host.name) }
    try await copy.lab.loadImages(progress, on: copy.plan.hosts.map(\.name))
  }

  /// What was counted at the copy's edge, and of the copy in the real network.
  public func fenceCounts(_ copy: Copy) async throws -> FenceCounts {
    func counters(_ namespace: String, _ table: String) async throws -> [String: Int64] {
      FenceCounts.packets(
        try await Command(
          ["nsenter", "--net=/run/netns/\(namespace)", "nft", "list", "table"] + table.split(separator: " ").map(String.init)
        )
        .run())
    }
    let fence: [String: Int64] = try await counters(CopyNetwork.router, CopyNetwork.table)
    let far: String = try await Command("ip", "-n", CopyNetwork.edge, "-s", "link", "show", "dev", "eth0").run()
    var seen: Int64 = 0
    let witnesses: [String] = LabNetwork.namespaces(site)
    for name in witnesses { seen += try await counters(name, CopyNetwork.witness)["seen"] ?? 0 }
    guard let stopped = fence["stopped"], let within = fence["within"], let left = fence["left"], let entered = fence["entered"],
      let received: Int64 = FenceCounts.received(far)
    else { throw LabError(.failed, "The counters of the fence cannot be read: \(fence) \(far.prefix(200))") }
    return FenceCounts(
      stopped: stopped, within: within, left: left, received: received, entered: entered, seenOutside: seen, witnesses: witnesses.count,
      foreignCables: try await foreignCables(copy))
  }

  /// Every cable of the copy has its other end in the copy: the kernel names the namespace of the other end of each.
  private func foreignCables(_ copy: Copy) async throws -> [String] {
    let names: Set<String> = Set(CopyNetwork.namespaces(copy.plan))
    var foreign: [String] = []
    for name in names.sorted() {
      for line in try await Command("ip", "-n", name, "-o", "link", "show").run().split(separator: "\n") {
        let words: [Substring] = line.split(separator: " ")
        guard words.count > 1, let index: Int = words.firstIndex(of: "link-netns") ?? words.firstIndex(of: "link-netnsid") else { continue }
        // Pods' cables end in namespaces of the host's own containers, which the kernel numbers and nobody names.
        guard words[index] == "link-netns", index + 1 < words.count, !names.contains(String(words[index + 1])) else { continue }
        foreign.append("\(words[1]) of \(name) ends in \(words[index + 1])")
      }
    }
    return foreign
  }

  /// Ends the copy at once and takes away everything of it. Without one nothing happens.
  public static func endCopy(directory: LabDirectory, _ progress: Progress) async throws {
    let folder: LabDirectory = directory.copy
    guard LabDirectory.exists(folder.path) else { return }
    CopyLease(folder).end()
    // Its keeper, the runner and `lab down` may all want to at once: the second finds nothing.
    let lock: Int32 = open("\(directory.path)/copy.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw LabError(.failed, "\(directory.path)/copy.lock cannot be opened: \(String(cString: strerror(errno))).") }
    defer { close(lock) }
    while flock(lock, LOCK_EX | LOCK_NB) != 0 { try await Task.sleep(for: .milliseconds(20)) }
    guard LabDirectory.exists(folder.path) else { return }
    let processes = LabProcesses(directory: folder)
    let all: [pid_t] = processes.all().map(\.pid).flatMap { [$0] + processes.descendants(of: $0) }
    if !all.isEmpty { progress("ending the copy: \(all.count) processes") }
    for pid in all { kill(pid, SIGKILL) }
    processes.waitUntilGone(all)
    try await removeCopyNetwork(directory)
    if let plan: CopyPlan = try? plan(of: folder, below: directory) { for host in plan.hosts { await removeCgroups(host.name) } }
    // The marker goes with the mount: until then another command finds what is left.
    for mount in mounts(below: directory.path) where mount == folder.path || mount.hasPrefix(folder.path + "/") {
      _ = try await Command("umount", "-l", mount).outcome()
    }
    try await Command("rm", "-rf", "--one-file-system", folder.path).run()
  }

  private static func plan(of folder: LabDirectory, below directory: LabDirectory) throws -> CopyPlan? {
    guard let words = LabDirectory.read(folder.copyMarker)?.split(whereSeparator: \.isWhitespace), words.count == 2 else { return nil }
    return try CopyPlan(SiteReader.read(path: directory.siteFile), center: CenterName(String(words[0])), token: String(words[1]))
  }

  private static func removeCopyNetwork(_ directory: LabDirectory) async throws {
    let text: String = (try? await Command("ip", "netns", "list").run()) ?? ""
    let present: [String] = text.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
    let own: [String] = present.filter { $0.hasPrefix(LabNetwork.prefix + CopyPlan.prefix) }
    if !own.isEmpty {
      let lines: String = own.map { "netns del \($0)" }.joined(separator: "\n") + "\n"
      try await Command(["ip", "-force", "-batch", "-"], input: Bytes(lines)).run()
    }
    guard let site: Site = try? SiteReader.read(path: directory.siteFile) else { return }
    for name in LabNetwork.namespaces(site) where present.contains(name) {
      _ = try? await Command(
        ["nsenter", "--net=/run/netns/\(name)", "nft", "-f", "-"],
        input: Bytes("add table \(CopyNetwork.witness)\ndelete table \(CopyNetwork.witness)\n")
      ).outcome()
    }
  }

  /// Moves the calling thread into the network of the copy's client: what it opens from then on is opened there. It steps back as well.
  public static func enterCopyClient(_ copy: Copy) throws {
    guard let branch: HostName = copy.plan.branch?.name else { throw LabError(.missing, "The copy has no client.") }
    let path = "/run/netns/\(LabNetwork.namespace(branch))"
    let descriptor: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw LabError(.missing, "\(path) is not there: the copy has ended.") }
    defer { close(descriptor) }
    guard tricenter_setns(descriptor, Int32(TRICENTER_CLONE_NEWNET)) == 0 else {
      throw LabError(.failed, "The network of the copy's client cannot be entered: \(String(cString: strerror(errno))).")
    }
    // As the copy itself: production's daemons are asked first. For this thread alone, on Linux.
    _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, 19)
  }
}
