import Drills
import Lab
import Primitives
import Processes
import Site

/// Programs on a host of the lab: in its network, among its processes, with its files. `{program}`, `{pki}`, `{site}`, … (`HostPlaces`)
/// stand for what a lab has instead of an installation.
struct LabExecutor: HostExecutor {
  let lab: Lab

  func run(_ words: [String], on host: HostName, timeout: Duration) async throws -> (status: Int32, output: String) {
    try await CommandExecutor.run(entered(words, host), timeout: timeout)
  }

  func output(_ words: [String], on host: HostName, timeout: Duration) async throws -> HostOutput {
    try await CommandExecutor.output(entered(words, host), timeout: timeout)
  }

  private func entered(_ words: [String], _ host: HostName) throws -> [String] {
    guard let entry: [String] = lab.entry(to: host), let known: Host = lab.site.host(host), let center: Center = lab.site.center(of: host)
    else {
      throw DrillError(.failed, "\(host) has no power: nothing can be run there.")
    }
    var places = HostPlaces()
    (places.program, places.site, places.pki) = (lab.program, lab.directory.siteFile, lab.directory.pki)
    (places.data, places.keep) = ("\(lab.directory.host(host))/center", "\(lab.directory.path)/keep")
    try LabDirectory.make(places.keep)
    return entry + places.fill(words, host: known, center: center.name)
  }
}
