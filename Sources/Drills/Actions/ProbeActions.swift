import KubeClient
import KubeModel
import Primitives
import Site
import TLS

enum ProbeActions {
  @Sendable static func requests(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (namespace, name): (String, String) = (call["namespace"], call["service"])
    let service: KubeObject = try await context.client.get(.services, namespace: namespace, name: name)
    guard let port: Int64 = service.spec["ports"][0]["nodePort"].int, port > 0 else {
      throw DrillError(.notMet, "Service \(namespace)/\(name) has no NodePort.")
    }
    let globalName = "\(name).\(namespace).\(context.runbook.cluster).\(context.site.zone)"
    // A client that knows one center's addresses, and asks no name server.
    let through: [Host] = call["through"].isEmpty ? [] : context.site.center(CenterName(call["through"]))?.hosts ?? []
    let resolver = GlobalResolver(
      servers: context.site.hosts.map(\.address.description), port: context.site.ports.dns, loop: context.nameLoop)
    let probe = RequestProbe(
      name: globalName, resolver: resolver, port: Int(port), every: Duration(siteText: call["every"]) ?? .milliseconds(50),
      group: context.group, clock: context.clock, retryFor: Duration(siteText: call["retryFor"]),
      addresses: through.map(\.address.description))
    if call["as"].isEmpty {
      context.state.withLock { $0.requests = probe }
    } else {
      let objective = Companion.Objective(outage: Duration(siteText: call["maxOutage"]), failed: call.number("maxFailed"))
      try context.state.withLock { state in
        guard state.companions.count < DrillLimits.companions else {
          throw DrillError(.refused, "A drill has \(DrillLimits.companions) clients beside the first one at most.")
        }
        state.companions.removeAll { $0.name == call["as"] }
        state.companions.append(Companion(name: call["as"], probe: probe, objective: objective))
      }
    }
    probe.start()
    return "\(globalName) port \(port) every \(call["every"])" + (through.isEmpty ? "" : " through \(call["through"])")
  }

  @Sendable static func writes(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let count: Int = max(1, call.number("writers") ?? 1)
    // Each writer prefers another host, as clients behind a load balancer would.
    let hosts: [Host] = context.site.hosts
    let clients: [KubeClient] = (0..<count).map { index in
      if let fixed: KubeClient = context.fixedClient { return fixed }
      let turned: [Host] = Array(hosts[(index % hosts.count)...] + hosts[..<(index % hosts.count)])
      return DrillContext.client(turned, site: context.site, tls: context.clientTLS, group: context.group)
    }
    // The label tells this run's writes, whichever runner made them; the names tell the runners apart.
    let run: String = String(SHA256.hexadecimal(Bytes(call.key)).prefix(8))
    let probe = WriteProbe(
      namespace: call["namespace"], run: run, life: Hexadecimal.encode(SecureRandom.bytes(3)), clients: clients, clock: context.clock)
    context.state.withLock { $0.writes = probe }
    probe.start()
    await EarlierWrites.adopt(context)
    return "\(count) writers, run \(run)"
  }

  @Sendable static func steady(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (requests, writes) = context.state.withLock { ($0.requests, $0.writes) }
    let wantedRequests: Int = call.number("requests") ?? 0
    let wantedWrites: Int = call.number("writes") ?? 0
    return try await context.until(call.deadline) {
      let last: [RequestProbe.Sample] = (requests?.samples ?? []).suffix(wantedRequests)
      let written: Int = writes?.acknowledged.count ?? 0
      let good: Int = last.count { $0.center != nil }
      guard good >= wantedRequests, written >= wantedWrites else {
        let reason: String = last.last { $0.center == nil }?.reason ?? writes?.failures.lastReason ?? ""
        throw DrillError(.notMet, "\(good) of the last \(wantedRequests) requests served, \(written) of \(wantedWrites) writes. \(reason)")
      }
      return "the last \(good) requests served by \(last.last?.center ?? ""), \(written) writes acknowledged"
    }
  }

  @Sendable static func waitWrite(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (probe, began, ended) = context.state.withLock { ($0.writes, $0.faultBegan, $0.faultEnded) }
    guard let probe, let began, let ended else { throw DrillError(.notMet, "No writer ran, or no fault was injected.") }
    return try await context.until(call.deadline, every: .milliseconds(10)) {
      guard let first = probe.acknowledged.filter({ $0.began >= ended }).min(by: { $0.ended < $1.ended }) else { return nil }
      context.note("firstWrite", first.name, at: first.ended)
      context.noteMilestone("firstWrite", first.ended, watchedFrom: probe.began)
      return "\(Int((first.ended - began).inMilliseconds)) ms after the loss"
    }
  }

  /// The first request of an unbroken run of `requests`, all begun after the loss and answered by another center.
  @Sendable static func waitServed(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (probe, began, ended, lost) = context.state.withLock { ($0.requests, $0.faultBegan, $0.faultEnded, $0.lostCenter) }
    guard let probe, let began, let ended else { throw DrillError(.notMet, "No client ran, or no fault was injected.") }
    let wanted: Int = max(1, call.number("requests") ?? 1)
    return try await context.until(call.deadline, every: .milliseconds(20)) {
      let after: [RequestProbe.Sample] = probe.samples.filter { $0.began >= ended }.sorted { $0.began < $1.began }
      let run: ArraySlice<RequestProbe.Sample> = after[
        (after.lastIndex { $0.center == nil || $0.center == lost?.value }.map { $0 + 1 } ?? 0)...]
      guard run.count >= wanted, let first = run.min(by: { $0.ended < $1.ended }) else {
        let reason: String = after.last { $0.center == nil }?.reason ?? "no answer yet"
        throw DrillError(.notMet, "\(run.count) of \(wanted) requests in a row. \(reason)")
      }
      context.note("firstRequest", center: first.center ?? "", at: first.ended)
      context.noteMilestone("firstRequest", first.ended, watchedFrom: probe.began)
      return "\(Int((first.ended - began).inMilliseconds)) ms after the loss, by \(first.center ?? "")"
    }
  }

  @Sendable static func stop(_ context: DrillContext, _ call: StepCall) async throws -> String {
    await context.stopProbes()
    let (requests, writes) = context.state.withLock { ($0.requests?.samples ?? [], $0.writes?.acknowledged.count ?? 0) }
    let again: Int = requests.count { $0.tries > 1 && $0.center != nil }
    let retried: String = again == 0 ? "" : ", \(again) served only when they were tried again"
    return "\(requests.count) requests, \(requests.count { $0.center == nil }) failed\(retried); \(writes) writes acknowledged"
  }
}
