import KubeModel
import Primitives
import Site

/// A host's center daemon as its status tells of it: since when it runs, and whether from the file that is in its place now.
enum DaemonActions {
  /// For `verify.daemonReplaced`.
  @Sendable static func note(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let host: Host = try host(context, call)
    let process: JSONValue = try await context.until(call.deadline) { try await self.process(context, host) }
    context.state.withLock { $0.facts["daemon.\(host.name)"] = process }
    return told(process)
  }

  /// It was started anew since it was noted, and runs what now stands in its executable's place.
  @Sendable static func replaced(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let host: Host = try host(context, call)
    guard let before: JSONValue = context.state.withLock({ $0.facts["daemon.\(host.name)"] }) else {
      throw DrillError(.badRunbook, "verify.daemonReplaced compares with what daemon.note wrote down, and nothing was for \(host.name).")
    }
    return try await context.until(call.deadline) {
      let process: JSONValue = try await process(context, host)
      guard process["startedAt"] != before["startedAt"] else {
        throw DrillError(.notMet, "\(host.name) still runs the process of before: \(told(process)).")
      }
      guard process["executable"]["isInPlace"].bool == true else {
        throw DrillError(.notMet, "\(host.name) runs an executable that was replaced meanwhile: \(told(process)).")
      }
      let isOther: Bool = process["executable"]["inode"] != before["executable"]["inode"]
      return "\(told(process)); before: \(told(before))" + (isOther ? ", another executable" : ", the same executable")
    }
  }

  private static func host(_ context: DrillContext, _ call: StepCall) throws -> Host {
    guard let host: Host = context.site.host(HostName(call["host"])) else {
      throw DrillError(.badRunbook, "No host is called \(call["host"]).")
    }
    return host
  }

  private static func process(_ context: DrillContext, _ host: Host) async throws -> JSONValue {
    let process: JSONValue = try await context.hostStatus(host)["process"]
    guard process["startedAt"].string != nil else {
      throw DrillError(.notMet, "\(host.name) does not tell since when it runs: its daemon is older than this runbook.")
    }
    return process
  }

  private static func told(_ process: JSONValue) -> String {
    let file: JSONValue = process["executable"]
    return "runs since \(process["startedAt"].string ?? "?"), "
      + "executable of \(file["modified"].string ?? "?"), inode \(file["inode"].int ?? 0)"
  }
}
