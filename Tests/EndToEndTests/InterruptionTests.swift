import Glibc
import KubeModel
import Primitives
import Testing

/// `lab up` that dies in its middle, commands given twice, and what stays behind on the machine: nothing.
@Suite(
  "A lab that is interrupted", .serialized, .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
struct InterruptionTests {
  /// What `lab up` says on its way, in order.
  static let moments: [String] = ["certificates in", "network:", "hosts:", "images:", "waiting for"]

  /// Starts `lab up` and kills it as soon as it has said this; false if it was through before.
  static func interrupt(_ lab: TestLab, at moment: String, log: String) async throws -> Bool {
    let up: Background = try lab.start(
      "lab", "up", "--directory", lab.directory, "--site", Program.siteFile, "--timeout", "200", log: log)
    try await eventually("`lab up` says \"\(moment)\", or ends", within: .seconds(120), every: .milliseconds(5)) {
      up.text.contains(moment) || up.hasEnded
    }
    let finished: Bool = up.text.contains("] up\n")
    // The program itself, which nsenter has started as its child in the machine.
    for pid in descendants(of: up.pid) where readFile("/proc/\(pid)/cmdline").hasPrefix(lab.program) { kill(pid, SIGKILL) }
    _ = try await up.wait()
    return !finished && up.text.contains(moment)
  }

  @Test("at any moment: `lab down` leaves nothing, `lab up` goes on from there, and both may be said twice")
  func interrupted() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      let before: Traces = try await machine.traces()
      // Down after each.
      for moment in ["network:", "hosts:"] {
        #expect(try await Self.interrupt(lab, at: moment, log: "down-after-\(moment.count)"), "`lab up` never said \(moment)")
        try await lab.down().passed()
        let left: [String] = try await machine.traces().differences(from: before)
        #expect(left.isEmpty, "after \"\(moment)\" and down: \(left.joined(separator: "; "))")
        #expect(mode(lab.directory) == nil)
      }
      // Up over the remains of one after the other.
      for (index, moment) in Self.moments.enumerated() {
        let isHit: Bool = try await Self.interrupt(lab, at: moment, log: "interrupted-\(index)")
        // What an earlier attempt has done is not said again.
        #expect(isHit || index > 0, "`lab up` never said \(moment)")
      }
      try await lab.up().passed()
      #expect(try await lab.kubectl("get nodes -o name").passed().text.split(separator: "\n").count == 5)
      let daemons: Set<pid_t> = Set(machine.pids(lab.program, " --host "))
      let again: Duration = try await elapsed { try await lab.up().passed() }
      print("`lab up` of a lab that is up: \(Int(again.milliseconds)) ms")
      #expect(Set(machine.pids(lab.program, " --host ")) == daemons, "a second up replaced what ran")
      let status: JSONValue = try await lab.status()
      #expect(status["answering"].bool == true && status["hosts"].array.allSatisfy { $0["node"].string?.hasPrefix("Ready") == true })

      try await lab.down().passed()
      let left: [String] = try await machine.traces().differences(from: before)
      #expect(left.isEmpty, "after down: \(left.joined(separator: "; "))")
      #expect(mode(lab.directory) == nil)
      try await lab.down().passed()
      let none: Said = try await lab.tricenter("lab", "status", "--directory", lab.directory)
      #expect(none.status != 0 && none.errors.contains("There is no lab in \(lab.directory)"), "\(none)")
      let link: Said = try await lab.link()
      #expect(link.status != 0 && link.errors.contains("There is no lab"), "\(link)")
    }
  }

  @Test("a `lab down` that dies in its middle is finished by the next") func downInterrupted() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      let before: Traces = try await machine.traces()
      for moment in ["ending", "removing network namespaces", "removing /"] {
        #expect(try await Self.interrupt(lab, at: "hosts:", log: "up-\(moment.count)"), "`lab up` never said hosts:")
        let down: Background = try lab.start("lab", "down", "--directory", lab.directory, log: "down-\(moment.count)")
        try await eventually("`lab down` says \"\(moment)\", or ends", every: .milliseconds(2)) {
          down.text.contains(moment) || down.hasEnded
        }
        for pid in descendants(of: down.pid) where readFile("/proc/\(pid)/cmdline").hasPrefix(lab.program) { kill(pid, SIGKILL) }
        _ = try await down.wait()
        try await lab.down().passed()
        let left: [String] = try await machine.traces().differences(from: before)
        #expect(left.isEmpty, "after down died at \"\(moment)\": \(left.joined(separator: "; "))")
      }
    }
  }
}
