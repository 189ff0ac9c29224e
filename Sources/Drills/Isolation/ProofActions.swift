import Federation
import Glibc
import KubeClient
import KubeModel
import NIOCore
import Primitives
import Site

/// That nothing of the copy is outside: no packet, no write, no name.
enum ProofActions {
  /// Whatever reaches out of the copy is stopped: tried here on purpose, from inside, against every host that serves.
  @Sendable static func fence(_ outer: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try CopyActions.session(outer)
    let context: DrillContext = try await session.ground(for: outer)
    let before: FenceCounts = try await session.copier.fence()
    var answered: [String] = []
    var tried: Int64 = 0
    for host in outer.site.hosts {
      let address: String = host.address.description
      let resolver = GlobalResolver(servers: [address], port: outer.site.ports.dns, loop: context.nameLoop)
      tried += 1
      if (try? await resolver.resolve("kubernetes.default.svc.cluster.local", first: 0)) != nil {
        answered.append("\(host.name)'s name server")
      }
      for port in [outer.site.ports.apiserver, outer.site.ports.client, outer.site.ports.peer] {
        tried += 1
        if await connects(address, port, context) { answered.append("\(host.name) port \(port)") }
      }
    }
    let after: FenceCounts = try await session.copier.fence()
    outer.state.withLock { state in
      state.facts["proof.packets"] = after.json
      state.facts["proof.attempts"] = [
        "tried": .int(tried), "stopped": .int(after.stopped - before.stopped), "answered": .int(Int64(answered.count)),
      ]
    }
    guard answered.isEmpty else { throw DrillError(.notMet, "From inside the copy \(answered.joined(separator: ", ")) could be reached.") }
    guard after.leaks.isEmpty else { throw DrillError(.notMet, "The copy leaks: \(after.leaks.joined(separator: "; ")).") }
    guard after.stopped - before.stopped >= tried else {
      throw DrillError(
        .notMet,
        "\(tried) attempts to reach production, and the fence counted \(after.stopped - before.stopped): it is not what stopped them.")
    }
    return
      "\(tried) attempts to reach production's hosts from inside, none answered; \(after.stopped) packets stopped at the edge, 0 left, "
      + "0 came in, 0 seen in \(after.witnesses) places of the real network; no cable leads out"
  }

  /// Whether somebody takes a connection there, asked from the copy's own thread.
  private static func connects(_ address: String, _ port: Int, _ context: DrillContext) async -> Bool {
    guard let loop: any EventLoop = context.nameLoop else { return true }
    return await withCheckedContinuation { continuation in
      loop.execute { continuation.resume(returning: takesConnection(address, port)) }
    }
  }

  private static func takesConnection(_ address: String, _ port: Int) -> Bool {
    let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = UInt16(port).bigEndian
    inet_pton(AF_INET, address, &target.sin_addr)
    let begun: Int32 = withUnsafePointer(to: &target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    if begun == 0 { return true }
    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard errno == EINPROGRESS, poll(&waiting, 1, 200) > 0 else { return false }
    var failure: Int32 = 0
    var size = socklen_t(4)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0
  }

  /// Servers outside know nothing of the copy's names and addresses, those inside nothing of production's.
  @Sendable static func names(_ outer: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try CopyActions.session(outer)
    let context: DrillContext = try await session.ground(for: outer)
    guard let copy: ClusterCopy = session.copy else { throw DrillError(.notMet, "There is no copy.") }
    let global = "\(call["service"]).\(call["namespace"]).\(outer.runbook.cluster)"
    let (realName, copyName): (String, String) = ("\(global).\(outer.site.zone)", "\(global).\(copy.site.zone)")
    func ask(_ host: Host, _ site: Site, _ loop: (any EventLoop)?, _ name: String) async -> [String] {
      let resolver = GlobalResolver(servers: [host.address.description], port: site.ports.dns, loop: loop)
      return (try? await resolver.resolve(name, first: 0).answer.addresses) ?? []
    }
    var wrong: [String] = []
    var told: Set<String> = []
    var inside: Set<String> = []
    for host in outer.site.hosts {
      let strange: [String] = await ask(host, outer.site, nil, copyName)
      if !strange.isEmpty {
        wrong.append("\(host.name) of production's network answers \(strange.joined(separator: ", ")) for \(copyName)")
      }
      let own: [String] = await ask(host, outer.site, nil, realName)
      told.formUnion(own)
      for address in own where IPAddress(address).map({ copy.range.contains($0) }) ?? true {
        wrong.append("\(host.name) answers the copy's \(address) for \(realName)")
      }
    }
    let own: Set<String> = Set(copy.hosts.map(\.address.description))
    for host in copy.hosts {
      let found: [String] = await ask(host, copy.site, context.nameLoop, copyName)
      inside.formUnion(found)
      if found.isEmpty || !Set(found).isSubset(of: own) { wrong.append("\(host.name) answers \(found) for \(copyName)") }
      let strange: [String] = await ask(host, copy.site, context.nameLoop, realName)
      if !strange.isEmpty { wrong.append("\(host.name) answers \(strange.joined(separator: ", ")) for production's \(realName)") }
    }
    if told.isEmpty { wrong.append("no server of production knows \(realName): nothing was shown") }
    outer.state.withLock { state in
      state.facts["proof.names"] = [
        "asked_outside": .int(Int64(outer.site.hosts.count)), "asked_inside": .int(Int64(copy.hosts.count)),
        "outside": .array(told.sorted().map { .string($0) }), "inside": .array(inside.sorted().map { .string($0) }),
        "wrong": .array(wrong.map { .string($0) }),
      ]
    }
    guard wrong.isEmpty else { throw DrillError(.notMet, wrong.joined(separator: "; ") + ".") }
    return "\(copyName) is answered inside only (\(inside.sorted().joined(separator: ", "))), \(realName) outside only "
      + "(\(told.sorted().joined(separator: ", ")))"
  }

  /// What was written in the copy is not in the federation's store, whose history up to the branch is what it was, and whose activation
  /// stands.
  @Sendable static func store(_ outer: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try CopyActions.session(outer)
    let context: DrillContext = try await session.ground(for: outer)
    guard let copy: ClusterCopy = session.copy else { throw DrillError(.notMet, "There is no copy.") }
    guard let probe: WriteProbe = context.state.withLock({ $0.writes }), !probe.acknowledged.isEmpty else {
      throw DrillError(.notMet, "Nothing was written in the copy, so nothing could be outside: nothing was shown.")
    }
    let written: [WriteProbe.Acknowledged] = probe.acknowledged
    let strangers: [KubeObject] = try await outer.client.list(
      .configMaps, namespace: probe.namespace, labelSelector: probe.selector
    ).items
    let words: [String] = [probe.namePrefix] + copy.hosts.map(\.name.value)
    let keys: (all: Int, found: [String]) = try await session.copier.keysWritten(after: copy.origin.revision, holding: words)
    let history: [HostName: String] = try await session.copier.history(at: copy.origin.revision)
    let changed: [String] = history.filter { $0.value != copy.origin.hash }.map(\.key.value).sorted()
    let record = try ActivationRecord(await ClusterActions.activation(outer))
    let inCopy: Int64 = Int64(try await context.client.list(.namespaces).resourceVersion) ?? 0
    outer.state.withLock { state in
      state.facts["proof.store"] = [
        "written_in_the_copy": .int(Int64(written.count)), "of_them_outside": .int(Int64(strangers.count)),
        "keys_written_outside_since": .int(Int64(keys.all)), "of_them_of_the_copy": .array(keys.found.prefix(10).map { .string($0) }),
        "history_hash_at_the_branch": .string(copy.origin.hash), "members_with_it": .int(Int64(history.count - changed.count)),
        "members_asked": .int(Int64(history.count)), "revision_in_the_copy": .int(inCopy), "active": .string(record.center.value),
        "epoch": .int(record.epoch),
      ]
    }
    var wrong: [String] = []
    if !strangers.isEmpty { wrong.append("\(strangers.count) objects of the copy are outside: \(strangers.prefix(3).map(\.name))") }
    if !keys.found.isEmpty {
      wrong.append("keys of the copy are in the federation's store: \(keys.found.prefix(3).joined(separator: ", "))")
    }
    if history.isEmpty { wrong.append("no member of the federation's store answers for revision \(copy.origin.revision)") }
    if !changed.isEmpty {
      wrong.append("the history up to revision \(copy.origin.revision) is another one on \(changed.joined(separator: ", "))")
    }
    if record.center != copy.origin.active || record.epoch != copy.origin.epoch {
      wrong.append("\(record.center) is active under epoch \(record.epoch), and it was \(copy.origin.active) under \(copy.origin.epoch)")
    }
    guard wrong.isEmpty else { throw DrillError(.notMet, wrong.joined(separator: "; ") + ".") }
    return "\(written.count) writes of the copy, 0 of them among the \(keys.all) keys written outside since; the history up to revision "
      + "\(copy.origin.revision) is the same on \(history.count) members; \(record.center) is active, epoch \(record.epoch)"
  }
}
