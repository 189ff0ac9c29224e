import KubeModel
import Primitives
import Site

enum FaultActions {
  @Sendable static func centerLoss(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let center = call.center
    await recordRaft(context, "Before")
    let began: MonotonicTime = context.clock.now()
    context.note("fault", center: center.value, "loss begins", at: began)
    let said: String = try await context.faults.lose(center)
    let ended: MonotonicTime = context.clock.now()
    context.state.withLock { state in
      state.lostCenter = center
      state.faultBegan = began
      state.faultEnded = ended
    }
    return said
  }

  @Sendable static func centerReturn(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let center = call.center
    await recordRaft(context, "After")
    await Milestones.gather(context)
    let said: String = try await context.faults.giveBack(center)
    context.note("return", center: center.value, said)
    return said
  }

  /// All of it or what is left: losing and giving back go on where a runner before broke off.
  @Sendable static func askLoss(_ context: DrillContext, _ call: StepCall) async throws -> ActionDescription.Answer {
    switch try await context.faults.state(of: call.center) {
    case .lost:
      let now: MonotonicTime = context.clock.now()
      context.state.withLock { state in
        state.lostCenter = call.center
        state.faultBegan = state.faultBegan ?? now
        state.faultEnded = state.faultEnded ?? now
      }
      return .happened("\(call.center) is without power and lines")
    case .whole, .partly: return .notHappened
    }
  }

  @Sendable static func askReturn(_ context: DrillContext, _ call: StepCall) async throws -> ActionDescription.Answer {
    switch try await context.faults.state(of: call.center) {
    case .whole: return .happened("\(call.center) has its power and its lines")
    case .lost, .partly: return .notHappened
    }
  }

  /// Term, indexes and leader as the first member that answers has them.
  static func recordRaft(_ context: DrillContext, _ when: String) async {
    let lost: CenterName? = context.state.withLock { $0.lostCenter }
    for host in context.site.hosts where context.site.center(of: host.name)?.name != lost {
      guard let raft: JSONValue = try? await context.hostStatus(host)["raft"], !raft.isNull else { continue }
      context.state.withLock { $0.facts["raft\(when)"] = raft }
      return
    }
  }
}

/// What the survivors' own logs say of the minutes after the loss.
enum Milestones {
  /// Names of `EventLog` entries, and what a report calls them.
  static let names: [(event: String, milestone: String)] = [
    ("leader.lost", "detection"), ("leader.elected", "election"), ("activation.taken", "activation"),
  ]

  static func gather(_ context: DrillContext) async {
    let (lost, faultBegan) = context.state.withLock { ($0.lostCenter, $0.faultBegan) }
    guard let faultBegan else { return }
    for host in context.site.hosts {
      let center: CenterName? = context.site.center(of: host.name)?.name
      guard center != lost, let status: JSONValue = try? await context.hostStatus(host) else { continue }
      for event in status["events"].array {
        guard let nanoseconds: Int64 = event["monotonicNanoseconds"].int, let name: String = event["name"].string else { continue }
        let at = MonotonicTime(nanoseconds: nanoseconds)
        let detail = "\(host.name): \(event["detail"].string ?? "")"
        // It is asked when a fault ends, and again at the end of the drill.
        // A host whose clocks are wrong says nothing of when.
        guard at >= faultBegan, at <= context.clock.now(), !context.hasNoted(name, detail, at: at) else { continue }
        context.note(name, center: center?.value ?? "", detail, at: at)
        guard let milestone: String = names.first(where: { $0.event == name })?.milestone else { continue }
        context.state.withLock { state in
          state.milestones[milestone] = min(state.milestones[milestone] ?? at, at)
        }
      }
    }
  }
}
