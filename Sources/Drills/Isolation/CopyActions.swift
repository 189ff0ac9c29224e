import Federation
import KubeClient
import KubeModel
import Primitives
import Site
import TLS

/// Making, failing over and ending the copy.
enum CopyActions {
  static let lease: Duration = .seconds(20)
  /// A follower on a small machine streams that beside its own work without falling behind (README).
  static let rate: Int = 4 << 20

  static func session(_ context: DrillContext) throws -> CopySession {
    guard let copy: CopySession = context.copy else {
      throw DrillError(.refused, "Nothing makes copies of this federation: a fenced copy needs a lab (--directory), with namespaces.")
    }
    return copy
  }

  private static func lease(_ call: StepCall) -> Duration { Duration(siteText: call["lease"]) ?? lease }

  @Sendable static func make(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try session(context)
    let rate: Int = call["rate"].isEmpty ? rate : StorePolicy.rate(call["rate"]) ?? rate
    session.lag?.enter(.during)
    context.note("copy", center: call["center"], "is begun")
    let copy: ClusterCopy = try await session.copier.make(
      CopyOrder(center: call.center, key: call.key, rate: rate, lease: lease(call)), tell: context.tell)
    session.take(copy, lease: lease(call), for: context)
    let origin: ClusterCopy.Origin = copy.origin
    return
      "\(copy.hosts.map(\.name.value).joined(separator: ", ")) in \(copy.range), the store branched off at revision \(origin.revision) "
      + "from \(origin.host) (\(origin.bytes) bytes in \(Int(origin.took.inMilliseconds)) ms)"
  }

  @Sendable static func made(_ context: DrillContext, _ call: StepCall) async throws -> ActionDescription.Answer {
    guard let copy: ClusterCopy = try await session(context).copier.find() else { return .notHappened }
    guard copy.key == call.key else { return .unknown("the copy that is there is another run's") }
    return .happened("the copy is there, branched off at revision \(copy.origin.revision)")
  }

  /// A runner that takes over.
  @Sendable static func takeUp(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try session(context)
    guard let copy: ClusterCopy = try await session.copier.find(), copy.key == call.key else {
      throw DrillError(.notMet, "The copy has ended: its lease of \(lease(call)) was not renewed.")
    }
    session.take(copy, lease: lease(call), for: context)
    return "the copy's lease is renewed again"
  }

  /// The cluster's own failover, asked for in the copy: there the center that was active is silent for good. When the copy did it by
  /// itself
  /// before anybody asked, that is told.
  @Sendable static func failover(_ outer: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try session(outer)
    let context: DrillContext = try await session.ground(for: outer)
    guard let copy: ClusterCopy = session.copy else { throw DrillError(.notMet, "There is no copy.") }
    let name = "drill-\(SHA256.hexadecimal(Bytes(call.key)).prefix(12))"
    let failover = KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": .string(name)],
      "spec": [
        "cluster": .string(context.runbook.cluster), "from": .string(copy.origin.active.value), "to": .string(copy.center.value),
        "kind": "failover", "epoch": .int(copy.origin.epoch), "drill": .string(context.plan.run),
        "reason": .string("isolated copy, runbook \(context.runbook.id), step \(call.step)"),
      ],
    ])
    var asked: Bool = false
    let record: ActivationRecord = try await context.until(call.deadline) {
      let record = try ActivationRecord(await ClusterActions.activation(context))
      if record.center == copy.center { return record }
      if !asked {
        do {
          _ = try await context.client.create(.failovers, failover)
        } catch let error as KubeError where error.code == .alreadyExists {
          // An answer that was lost: it is ours.
        }
        asked = true
      } else if let found: KubeObject = try await context.client.find(.failovers, name: name),
        ["Refused", "Failed"].contains(found.status["phase"].string ?? "")
      {
        // Refused because the copy was quicker, perhaps: then the record says so at the next look.
        let now = try ActivationRecord(await ClusterActions.activation(context))
        if now.center == copy.center { return now }
        throw DrillError(.refused, "The copy refuses to fail over: \(found.status["message"].string ?? "").")
      }
      throw DrillError(.notMet, "In the copy \(record.center) still stands as active (epoch \(record.epoch)).")
    }
    guard record.epoch == copy.origin.epoch + 1 else {
      throw DrillError(.notMet, "\(record.center) is active in the copy under epoch \(record.epoch), not \(copy.origin.epoch + 1).")
    }
    let how: String = record.failover == name ? "asked for by \(name)" : "by the copy's own decision"
    context.state.withLock { $0.facts["epochInTheCopy"] = .int(record.epoch) }
    await Milestones.gather(context)
    return "\(record.center) is active in the copy, epoch \(record.epoch), \(how); in production it is epoch \(copy.origin.epoch)"
  }

  /// Every write that production acknowledged up to the branch is in the copy with its uid and content, and what was noted has its
  /// identity.
  @Sendable static func complete(_ outer: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try session(outer)
    let context: DrillContext = try await session.ground(for: outer)
    guard let copy: ClusterCopy = session.copy else { throw DrillError(.notMet, "There is no copy.") }
    guard let probe: WriteProbe = outer.state.withLock({ $0.writes }) else { throw DrillError(.notMet, "No writer ran in production.") }
    let before: [WriteProbe.Acknowledged] = probe.acknowledged.filter { $0.revision.map { $0 <= copy.origin.revision } ?? false }
    let missing: [String] = try await context.until(call.deadline) {
      let stored: [KubeObject] = try await context.client.list(.configMaps, namespace: probe.namespace, labelSelector: probe.selector).items
      let byName: [String: KubeObject] = Dictionary(stored.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      return before.compactMap { write in
        guard let object: KubeObject = byName[write.name] else { return "\(write.name) is not there" }
        guard object.uid == write.uid, object["data"].stringMap == write.data, Int64(object.resourceVersion) == write.revision else {
          return "\(write.name) is another one"
        }
        return nil
      }
    }
    guard missing.isEmpty else {
      throw DrillError(.notMet, "\(missing.count) of \(before.count) are not in the copy: \(missing.prefix(5).joined(separator: "; ")).")
    }
    context.state.withLock { $0.facts["productionWritesInTheCopy"] = .int(Int64(before.count)) }
    guard let identity: DrillContext.Identity = outer.state.withLock({ $0.identity }) else {
      return "\(before.count) writes of production up to revision \(copy.origin.revision), with uid, version and content"
    }
    context.state.withLock { $0.identity = identity }
    let same: String = try await VerifyActions.identity(context, call)
    return "\(before.count) writes of production up to revision \(copy.origin.revision), with uid, version and content; \(same)"
  }

  @Sendable static func remove(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try session(context)
    if let copy: ClusterCopy = session.copy {
      // The last word of the fence, before it goes with the copy.
      if let fence: FenceCounts = try? await session.copier.fence() { context.state.withLock { $0.facts["fenceAtTheEnd"] = fence.json } }
      context.note("copy", center: copy.center.value, "is ended")
    }
    let said: String = try await session.release(into: context) { try await session.copier.end() }
    session.lag?.enter(.after)
    return said
  }
}
