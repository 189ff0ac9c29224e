import Glibc
import Primitives
import Processes
import Site

/// Makes and removes the namespaces, cables and routes of `LabNetwork`.
struct NetworkBuilder {
  let site: Site
  let directory: LabDirectory

  /// True when every namespace is there and this lab made them.
  func isComplete() async throws -> Bool {
    guard LabDirectory.read(directory.networkMarker) == "complete\n" else { return false }
    let present: Set<String> = try await Self.present()
    return LabNetwork.namespaces(site).allSatisfy(present.contains)
  }

  private static func present() async throws -> Set<String> {
    let text: String = try await Command("ip", "netns", "list").run()
    return Set(text.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
  }

  /// Namespaces and cables. What an earlier attempt left half done is removed first.
  func makeCables() async throws {
    let existing: Set<String> = try await Self.present().intersection(LabNetwork.namespaces(site))
    if !existing.isEmpty, !LabDirectory.exists(directory.networkMarker) {
      throw LabError(
        .busy,
        "The network namespaces \(existing.sorted().joined(separator: ", ")) belong to another lab on this machine: take that one down first."
      )
    }
    try LabDirectory.write("partial\n", to: directory.networkMarker)
    try await remove(existing)
    try await batch(["ip", "-batch", "-"], LabNetwork.cables(site))
    for name in LabNetwork.namespaces(site) { try await applySettings(name) }
  }

  /// After the wide-area element's device exists.
  func makeRoutes() async throws {
    try await batch(["ip", "-n", LabNetwork.wideArea, "-batch", "-"], LabNetwork.wideAreaSide(site, device: WideAreaDaemon.deviceName))
    for place in LabNetwork.layout(site) {
      for host in place.hosts {
        try await batch(["ip", "-n", LabNetwork.namespace(host.name), "-batch", "-"], LabNetwork.hostSide(place, host))
      }
    }
    try LabDirectory.write("complete\n", to: directory.networkMarker)
  }

  func removeAll() async throws {
    guard LabDirectory.exists(directory.networkMarker) else { return }
    try await remove(try await Self.present().intersection(LabNetwork.namespaces(site)))
    // `ip netns add` mounts its folder onto itself; with nobody's namespace left in it, it goes as well.
    if try await Self.present().isEmpty, LabDirectory.exists("/run/netns") {
      _ = try await Command("umount", "/run/netns").outcome()
      rmdir("/run/netns")
    }
    unlink(directory.networkMarker)
  }

  private func remove(_ names: Set<String>) async throws {
    guard !names.isEmpty else { return }
    try await batch(["ip", "-force", "-batch", "-"], names.sorted().map { "netns del \($0)" }.joined(separator: "\n") + "\n")
  }

  private func batch(_ arguments: [String], _ input: String) async throws {
    try await Command(arguments, input: Bytes(input)).run()
  }

  private func applySettings(_ namespace: String) async throws {
    let script: String = LabNetwork.settings.map { "[ ! -e /proc/sys/\($0.path) ] || echo \($0.value) > /proc/sys/\($0.path)" }
      .joined(separator: "\n")
    try await Command(["nsenter", "--net=/run/netns/\(namespace)", "sh", "-c", script]).run()
  }
}
