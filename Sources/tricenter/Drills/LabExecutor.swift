import Drills
import Lab
import Primitives
import Processes
import Site

/// Programs on a host of the lab: in its network, among its processes, with its files. `{program}`, `{pki}`, `{site}`, `{center}`,
/// `{host}` and `{address}` stand for what a lab has instead of an installation.
struct LabExecutor: HostExecutor {
  let lab: Lab

  func run(_ words: [String], on host: HostName, timeout: Duration) async throws -> (status: Int32, output: String) {
    guard let entry: [String] = lab.entry(to: host) else {
      throw DrillError(.failed, "\(host) has no power: nothing can be run there.")
    }
    let known: [(String, String)] = [
      ("{program}", lab.program), ("{pki}", lab.directory.pki), ("{site}", lab.directory.siteFile), ("{host}", host.value),
      ("{center}", lab.site.center(of: host)?.name.value ?? ""), ("{address}", lab.site.host(host)?.address.description ?? ""),
    ]
    let filled: [String] = words.map { word in known.reduce(word) { $0.replacing($1.0, with: $1.1) } }
    return try await CommandExecutor.run(entry + filled, timeout: timeout)
  }
}
