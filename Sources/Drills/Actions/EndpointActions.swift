import KubeClient
import KubeModel
import Primitives
import Site
import struct Site.IPAddress

/// Whether anything still leads to a center that is gone: every surviving host's name server and proxy rules are asked, from the loss on,
/// until none of them does.
enum EndpointActions {
  @Sendable static func gone(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let dead = DeadAddresses(call.center, context.site)
    let survivors: [Host] = context.site.hosts.filter { context.site.center(of: $0.name)?.name != call.center }
    guard let executor: any HostExecutor = context.executor else {
      throw DrillError(.refused, "Nobody says how to run `nft` on a host here, so proxy rules cannot be asked.")
    }
    // Where the lab is simulated there is no proxy with rules: names are asked alone, and the outcome says so.
    let asksRules: Bool = context.faults.simulated.isEmpty
    let began: MonotonicTime = context.clock.now()
    let zero: MonotonicTime = context.state.withLock { $0.faultBegan } ?? began
    let names: [String] = try await context.until(call.deadline) { try await Self.names(context, survivors) }
    let found: [(host: HostName, look: Look)] = try await withThrowingTaskGroup(of: (HostName, Look).self) { group in
      for host in survivors {
        group.addTask {
          let own = HostLook(host: host, names: names, dead: dead, executor: asksRules ? executor : nil, context: context)
          return (host.name, try await own.untilClean(call.deadline))
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    guard let last = found.max(by: { $0.look.at < $1.look.at }) else {
      throw DrillError(.notMet, "No host survives the loss of \(call.center).")
    }
    // Where the first look already found nothing, it was so at some time before.
    let isExact: Bool = found.contains { $0.look.number > 1 && $0.look.at == last.look.at }
    context.noteMilestone("endpointsGone", last.look.at, watchedFrom: isExact ? zero : began)
    context.note("endpointsGone", center: call.center.value, "\(last.host) was the last: \(last.look.before)", at: last.look.at)
    let milliseconds = Int((last.look.at - zero).inMilliseconds)
    let told: String =
      "\(names.count) \(asksRules ? "names and the rules" : "names") of \(found.count) hosts lead to \(call.center) no more, "
      + "\(milliseconds) ms after the loss; \(last.host) was the last" + (asksRules ? "" : "; SIMULATED: there are no proxies' rules here")
      + (isExact ? "" : " (at the latest: nobody looked before)")
    if let within: Duration = Duration(siteText: call["within"]), last.look.at - zero > within, isExact {
      throw DrillError(.notMet, "\(told). That is more than \(within.runbookText).")
    }
    return told
  }

  /// The names whose answers could lead there: global ones, and headless Services' own.
  private static func names(_ context: DrillContext, _ survivors: [Host]) async throws -> [String] {
    let client: KubeClient =
      context.fixedClient ?? DrillContext.client(survivors, site: context.site, tls: context.clientTLS, group: context.group)
    let cluster: String = context.runbook.cluster
    let domain: String = context.site.clusters.first { $0.name == cluster }?.domain ?? "cluster.local"
    return try await client.list(.services, resourceVersion: "0").items.flatMap { service -> [String] in
      var names: [String] = []
      if ["NodePort", "LoadBalancer"].contains(service.spec["type"].string ?? "") {
        names.append("\(service.name).\(service.namespace).\(cluster).\(context.site.zone)")
      }
      if service.spec["clusterIP"].string == "None" { names.append("\(service.name).\(service.namespace).svc.\(domain)") }
      return names
    }
  }

  struct Look: Sendable {
    var at: MonotonicTime
    var number: Int
    /// What the look before it found.
    var before: String
  }
}

/// Where packets must not go any more.
struct DeadAddresses: Sendable {
  let hosts: [IPAddress]
  let pods: [IPRange]

  init(_ center: CenterName, _ site: Site) {
    let all: [Host] = site.center(center)?.hosts ?? []
    (hosts, pods) = (all.map(\.address), all.map(\.pods))
  }

  func contains(_ text: String) -> Bool {
    guard let address = IPAddress(text) else { return false }
    return hosts.contains(address) || pods.contains { $0.contains(address) }
  }

  /// Prints the addresses among them that the proxy's rules translate to: filtered where the rules are, since there may be thousands.
  var question: [String] {
    let nets: String = (pods.map(\.description) + hosts.map { "\($0)/32" }).joined(separator: " ")
    let filter = """
      function n(a, p) { split(a, p, "."); return ((p[1] * 256 + p[2]) * 256 + p[3]) * 256 + p[4] }
      BEGIN { k = split(nets, c, " "); for (i = 1; i <= k; i++) { split(c[i], d, "/"); s[i] = 2 ^ (32 - d[2]); b[i] = int(n(d[1]) / s[i]) } }
      { for (i = 1; i + 2 <= NF; i++) if ($i == "dnat" && $(i + 1) == "to") { split($(i + 2), e, ":")
        for (j = 1; j <= k; j++) if (int(n(e[1]) / s[j]) == b[j]) print e[1] } }
      """
    return [
      "sh", "-c", "rules=$(nft list table ip tricenter-proxy) || exit 9; printf '%s\\n' \"$rules\" | awk -v nets=\"$0\" \"$1\" | sort -u",
      nets,
      filter,
    ]
  }
}

private struct HostLook: Sendable {
  let host: Host
  let names: [String]
  let dead: DeadAddresses
  /// Nil: only names are asked.
  let executor: (any HostExecutor)?
  let context: DrillContext

  /// When the look that found nothing began, and which one it was.
  func untilClean(_ deadline: MonotonicTime) async throws -> EndpointActions.Look {
    var number: Int = 0
    var before: String = ""
    while true {
      number += 1
      var left: String
      do {
        left = try await findings(deadline)
      } catch {
        left = "\(host.name) does not say: \(error)"
      }
      // Counted when the answers were there: what was asked for before may have changed since the look began.
      if left.isEmpty { return .init(at: context.clock.now(), number: number, before: before) }
      before = left
      guard context.clock.now() < deadline else { throw DrillError(.timeout, left) }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// What still leads there, in a sentence; empty: nothing.
  private func findings(_ deadline: MonotonicTime) async throws -> String {
    if let executor {
      let outcome = try await executor.run(dead.question, on: host.name, timeout: max(.seconds(1), deadline - context.clock.now()))
      guard outcome.status == 0 else { throw DrillError(.failed, "nft ended with status \(outcome.status): \(outcome.output)") }
      if !outcome.output.isEmpty {
        return "The rules of \(host.name) still lead to \(outcome.output.split(separator: "\n").joined(separator: ", "))."
      }
    }
    let resolver = GlobalResolver(servers: [host.address.description], port: context.site.ports.dns)
    for name in names {
      switch await resolver.answer(name) {
      case .success(let answer):
        if let still: String = answer.addresses.first(where: dead.contains) { return "\(host.name) still answers \(still) for \(name)." }
      // Whoever does not know says so, and leads nobody there.
      case .failure(let error) where error.code == .failed: continue
      case .failure(let error): throw error
      }
    }
    return ""
  }
}
