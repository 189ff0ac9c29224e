import Drills
import Lab
import Primitives
import Processes
import Site

/// Programs on a host of the lab: in its network, among its processes, with its files.
struct LabExecutor: HostExecutor {
  let lab: Lab

  func run(_ words: [String], on host: HostName, timeout: Duration) async throws -> (status: Int32, output: String) {
    guard let entry: [String] = lab.entry(to: host) else {
      throw DrillError(.failed, "\(host) has no power: nothing can be run there.")
    }
    return try await CommandExecutor.run(entry + words, timeout: timeout)
  }
}
