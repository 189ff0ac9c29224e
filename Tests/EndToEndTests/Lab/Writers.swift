import Glibc
import Primitives

/// Writers on the branch, each an etcdctl that puts one key after the other and notes what was acknowledged, as a client would.
struct Writers: Sendable {
  let lab: TestLab
  let name: String
  private let running: [Background]

  /// `hosts`: whose members they ask; etcdctl goes on to the next when one does not answer.
  init(_ lab: TestLab, _ prefix: String, count: Int = 3, hosts: [String] = TestLab.hosts) throws {
    // A name of its own each time: what an earlier one wrote is deleted.
    let name = "\(prefix)\(UInt32.random(in: 0...UInt32.max))"
    self.lab = lab
    self.name = name
    let script = """
      writer=$1; shift; n=0
      while :; do
        n=$((n + 1))
        if "$@" --dial-timeout=1s --command-timeout=3s put "e2e/writes/$writer/$n" "$writer wrote $n" >/dev/null 2>&1; then
          echo "$writer/$n"
        else
          echo "failed $writer/$n"
        fi
      done
      """
    running = try (0..<count).map { index in
      try lab.machine.start(
        ["sh", "-c", script, "sh", "\(name)-\(index)"] + lab.etcdctlWords(hosts), on: "branch", environment: ["ETCDCTL_API": "3"],
        log: "writes-\(name)-\(index)")
    }
  }

  private var lines: [Substring] { running.flatMap { $0.text.split(separator: "\n") } }
  var acknowledged: [String] { lines.filter { !$0.hasPrefix("failed") }.map(String.init) }
  var failed: Int { lines.count { $0.hasPrefix("failed") } }

  /// Waits until this many more writes are acknowledged.
  func progress(_ more: Int) async throws {
    let goal: Int = acknowledged.count + more
    try await eventually("\(more) more writes are acknowledged", within: .seconds(90)) { acknowledged.count >= goal }
  }

  /// Ends them. Returns what was acknowledged and is not there with its exact content, as this host's member sees it.
  func end(lookingThrough host: String) async throws -> (acknowledged: Int, failed: Int, lost: [String]) {
    stop()
    let wanted: [String] = acknowledged
    let said: Said = try await lab.etcdctl([host], "get", "--prefix", "e2e/writes/\(name)-").passed()
    let lines: [Substring] = said.output.split(separator: "\n")
    var found: [String: Substring] = [:]
    for index in stride(from: 0, to: lines.count - 1, by: 2) {
      found[String(lines[index].dropFirst("e2e/writes/".count))] = lines[index + 1]
    }
    let lost: [String] = wanted.filter { found[$0].map(String.init) != $0.replacing("/", with: " wrote ") }
    try await lab.etcdctl([host], "del", "--prefix", "e2e/writes/\(name)-").passed()
    return (wanted.count, failed, lost)
  }

  func stop() { for writer in running { writer.end() } }
}
