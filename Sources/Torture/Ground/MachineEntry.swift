import Glibc
import Lab
import Primitives
import Processes

/// The way into a machine of its own: network, mount and process namespaces, as root or in a user namespace.
public enum MachineEntry {
  public enum Choice: Sendable {
    /// What goes before this program's own command line.
    case machine([String])
    /// Loopback addresses, for the reason given.
    case loopback(reason: String)
  }

  private static let programs: [String] = ["ip", "nsenter", "unshare", "mount"]

  public static func detect() async -> Choice {
    let missing: [String] = programs.filter { findProgram($0) == nil }
    guard missing.isEmpty else { return .loopback(reason: "not installed: \(missing.joined(separator: ", "))") }
    guard access("/dev/net/tun", R_OK | W_OK) == 0 else { return .loopback(reason: "/dev/net/tun is missing or not ours") }
    var words: [String] = ["unshare"]
    if geteuid() != 0 { words += ["--user", "--map-root-user"] }
    words += ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    let probe: String =
      "mount --make-rprivate / && mount -t tmpfs tmpfs /run && ip netns add probe && ip link add probe0 type veth peer name probe1 netns probe"
    do {
      let outcome: Command.Outcome = try await Command(words + ["sh", "-c", probe]).outcome()
      guard outcome.status == 0 else {
        return .loopback(reason: "namespaces are refused: \(outcome.errors.text.split(separator: "\n").first ?? "no reason given")")
      }
    } catch {
      return .loopback(reason: "\(error)")
    }
    return .machine(words)
  }

  /// Replaces this process. Returns only if that fails, with the reason.
  public static func enter(_ words: [String]) -> String {
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    execvp(words[0], arguments)
    return "\(words[0]) cannot be started: \(String(cString: strerror(errno)))"
  }

  /// The first steps inside: mounts that nobody outside sees, a `/run` of its own, loopback.
  public static func settle() async throws {
    try await Command("mount", "--make-rprivate", "/").run()
    try await Command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run").run()
    mkdir("/run/mount", 0o755)
    try await Command("ip", "link", "set", "lo", "up").run()
  }
}
