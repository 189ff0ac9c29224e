import Glibc
import Primitives
import Processes

/// A machine of a test's own: process, network and mount namespaces, with a `/run` of their own. What a lab makes there (namespaces,
/// bridges, mounts, ports on loopback) meets nobody else's, so a lab of this checkout may be up beside the tests; what a lab leaves behind
/// is plain to see; and all of it ends with the tests, also when they are killed: the machine's first process reads from a pipe
/// that only the tests hold open.
final class Machine: Sendable {
  /// Below the system's temporary folder, the same path inside and outside; removed by `stop`.
  let folder: String
  /// The machine's first process, as the host numbers processes.
  let pid: pid_t
  private let keeper: pid_t
  private let lifeline: Int32

  /// Why no such machine, and no lab with containers in it, can be here; nil if it can.
  static let obstacle: String? = {
    guard geteuid() == 0 else { return "namespaces need root" }
    let programs: [String] = ["ip", "nsenter", "unshare", "nft", "containerd", "ctr", "runc", "busybox", "ps"]
    let missing: [String] = programs.filter { findProgram($0) == nil }
    guard missing.isEmpty else { return "not installed: \(missing.joined(separator: ", "))" }
    guard access("/usr/lib/cni/bridge", X_OK) == 0 else {
      return "the CNI plugins (Debian's containernetworking-plugins) are not installed"
    }
    guard access("/dev/net/tun", R_OK | W_OK) == 0 else { return "/dev/net/tun is missing" }
    let probe = Command(["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "nft", "list", "ruleset"])
    guard let outcome: Command.Outcome = try? probe.runBlocking(), outcome.status == 0 else { return "namespaces or nftables are refused" }
    return nil
  }()

  /// What is under test goes before whatever else the machine does, where that is allowed: a stall of a second is a second of a lease.
  private static let urgency: [String] = {
    let words: [String] = ["nice", "-n", "-10"]
    let tried: Command.Outcome? = try? Command(words + ["true"]).runBlocking()
    return tried?.errors.isEmpty == true ? words : []
  }()

  /// /run/mount is mount's own, made by whoever uses it first.
  private static let script = """
    mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/mount && ip link set lo up && : > "$0/ready" || exit 1
    cat < "$0/lifeline" > "$0/nothing"
    exit 0
    """

  init() async throws {
    folder = try temporaryFolder()
    let pipe = "\(folder)/lifeline"
    guard mkfifo(pipe, 0o600) == 0 else { throw TestTrouble("\(pipe) cannot be made: \(String(cString: strerror(errno)))") }
    // Read and write: opening does not wait for a reader, and the reader sees no end while this process lives.
    lifeline = open(pipe, O_RDWR | O_CLOEXEC)
    let arguments: [String] = [
      "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", Self.script, folder,
    ]
    keeper = try startDetached(arguments, log: "\(folder)/machine.log")
    let (folder, keeper) = (folder, keeper)
    try await eventually("the machine", within: .seconds(20), every: .milliseconds(10)) { access("\(folder)/ready", F_OK) == 0 }
    guard let first: pid_t = children(of: keeper).first else { throw TestTrouble("The machine's first process is not to be found.") }
    pid = first
  }

  /// Ends everything in it, and removes the folder; TRICENTER_TEST_KEEP=1 keeps the folder, with the daemons' logs.
  func stop() async {
    close(lifeline)
    kill(pid, SIGKILL)
    let keeper: pid_t = keeper
    await offTheTasks { _ = waitpid(keeper, nil, 0) }
    guard ProcessEnvironment.current["TRICENTER_TEST_KEEP"] != "1" else { return print("kept: \(folder)") }
    _ = try? await Command(["rm", "-rf", "--one-file-system", folder], timeout: .seconds(60)).outcome()
  }

  static func run<Result: Sendable>(_ body: @Sendable (Machine) async throws -> Result) async throws -> Result {
    let machine = try await Machine()
    do {
      let result: Result = try await body(machine)
      await machine.stop()
      return result
    } catch {
      await machine.stop()
      throw error
    }
  }

  /// The path by which a process outside opens the network of the machine itself, or of a lab's host in it.
  func network(_ host: String? = nil) -> String {
    host.map { "/proc/\(pid)/root/run/netns/tc-\($0)" } ?? "/proc/\(pid)/ns/net"
  }

  private var environment: [String: String] {
    var all: [String: String] = ProcessEnvironment.current.filter { !$0.key.hasPrefix("TRICENTER_") && $0.key != "KUBECONFIG" }
    all["PATH"] = (all["PATH"] ?? "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
    all["HOME"] = folder
    all["LC_ALL"] = "C"
    return all
  }

  /// A command in the machine, or on the network of a lab's host in it.
  func command(
    _ arguments: [String], on host: String? = nil, input: String = "", environment more: [String: String] = [:],
    timeout: Duration = .seconds(60)
  ) -> Command {
    var words: [String] = Self.urgency + ["nsenter", "--target", "\(pid)", "--mount", "--net", "--pid"]
    if let host { words += ["nsenter", "--net=/run/netns/tc-\(host)"] }
    var command = Command(words + arguments, input: Bytes(input), timeout: timeout)
    command.environment = environment.merging(more) { _, new in new }
    return command
  }

  func run(
    _ arguments: [String], on host: String? = nil, input: String = "", environment: [String: String] = [:],
    timeout: Duration = .seconds(60)
  ) async throws -> Said {
    Said(arguments, try await command(arguments, on: host, input: input, environment: environment, timeout: timeout).outcome())
  }

  /// Starts a command that goes on, with its output in a file of `folder`.
  func start(
    _ arguments: [String], on host: String? = nil, environment: [String: String] = [:], log name: String
  ) throws -> Background {
    let path = "\(folder)/\(name)"
    let command: Command = command(arguments, on: host, environment: environment)
    return Background(pid: try startDetached(command.arguments, environment: command.environment, log: path), log: path)
  }
}

/// What a command said.
struct Said: Sendable, CustomStringConvertible {
  let words: [String]
  let status: Int32
  let output: String
  let errors: String

  init(_ words: [String], _ outcome: Command.Outcome) {
    self.words = words
    status = outcome.status
    output = outcome.output.text
    errors = outcome.errors.text
  }

  /// Without white space at its ends.
  var text: String { trimmed(output) }
  var everything: String { output + errors }
  var description: String {
    "`\(words.joined(separator: " ").prefix(300))` ended with status \(status)\n\(output.suffix(2_000))\(errors.suffix(2_000))"
  }

  /// Itself, if it ended well.
  @discardableResult
  func passed() throws -> Said {
    guard status == 0 else { throw TestTrouble(description) }
    return self
  }
}

/// A command that goes on until it is ended.
struct Background: Sendable {
  let pid: pid_t
  let log: String

  var text: String { readFile(log) }

  /// Whether it has ended by itself; it still has to be waited for.
  var hasEnded: Bool {
    var info = siginfo_t()
    // si_signo stays zero while it runs (waitid(2), WNOHANG).
    return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo != 0
  }

  /// SIGKILL to it and all that it started, and waits: a child that nobody waits for stays a zombie.
  func end() {
    kill(-pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// Waits until it ends by itself; its status, 128 + signal if a signal ended it.
  func wait(within limit: Duration = .seconds(60)) async throws -> Int32 {
    let pid: pid_t = pid
    var status: Int32 = 0
    let deadline = ContinuousClock.now + limit
    while waitpid(pid, &status, WNOHANG) == 0 {
      guard ContinuousClock.now < deadline else {
        end()
        throw TestTrouble("It did not end within \(limit): \(text.suffix(1_000))")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  }
}

extension Command {
  static func plain(_ arguments: [String], timeout: Duration = .seconds(60)) async throws -> Outcome {
    try await Command(arguments, timeout: timeout).outcome()
  }
}
