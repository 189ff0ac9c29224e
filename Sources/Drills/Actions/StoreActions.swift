import KubeModel
import Primitives
import Site

enum StoreActions {
  /// Enough members answer, all of them of one leader and at least at the revision that the first one had; with `leader`, it is of this
  /// center.
  @Sendable static func check(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let wanted: Int = call.number("members") ?? context.site.hosts.count
    return try await context.until(call.deadline) {
      let members: [StoreMember] = await StoreMember.ask(context)
      guard members.count >= wanted else {
        throw DrillError(.notMet, "\(members.count) of \(wanted) members answer: \(members.map(\.host.value).joined(separator: ", ")).")
      }
      let leaders: Set<String> = Set(members.map(\.leader))
      guard leaders.count == 1, let leader: String = leaders.first, !leader.isEmpty else {
        throw DrillError(.notMet, "They follow \(leaders.map { $0.isEmpty ? "nobody" : $0 }.sorted().joined(separator: " and ")).")
      }
      let center: String = context.site.center(of: HostName(leader))?.name.value ?? ""
      if !call["leader"].isEmpty, center != call["leader"] {
        throw DrillError(.notMet, "\(leader) of \(center) leads, not \(call["leader"]).")
      }
      guard let first: Int64 = members.map(\.revision).max() else { throw DrillError(.notMet, "Nobody answers.") }
      let behind: [StoreMember] = await StoreMember.ask(context).filter { $0.revision < first }
      guard behind.isEmpty else {
        throw DrillError(.notMet, "Behind revision \(first): \(behind.map { "\($0.host) at \($0.revision)" }.joined(separator: ", ")).")
      }
      return "\(members.count) members follow \(leader) of \(center), revision \(first)"
    }
  }
}

/// What one member of the store says of itself.
struct StoreMember: Sendable {
  var host: HostName
  var leader: String
  var role: String
  var revision: Int64
  var applied: Int64
  var term: Int64

  /// Those that answer, in the site's order.
  static func ask(_ context: DrillContext) async -> [StoreMember] {
    await withTaskGroup(of: (Int, StoreMember?).self) { group in
      for (index, host) in context.site.hosts.enumerated() {
        group.addTask {
          guard let raft: JSONValue = try? await context.hostStatus(host)["raft"], let revision: Int64 = raft["revision"].int else {
            return (index, nil)
          }
          let member = StoreMember(
            host: host.name, leader: raft["leader"].string ?? "", role: raft["role"].string ?? "", revision: revision,
            applied: raft["appliedIndex"].int ?? 0, term: raft["term"].int ?? 0)
          return (index, member)
        }
      }
      var found: [(Int, StoreMember)] = []
      for await (index, member) in group { if let member { found.append((index, member)) } }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  var json: JSONValue {
    [
      "host": .string(host.value), "role": .string(role), "leader": .string(leader), "term": .int(term), "revision": .int(revision),
      "applied": .int(applied),
    ]
  }
}
