import ArgumentParser
import Federation
import Glibc
import KubeClient
import KubeModel
import Lab
import Observability
import Primitives
import Processes
import Site

extension BenchCommand {
  /// How long until all pods of a lost center run in the next one, on many simulated hosts.
  struct FailoverPods: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "failover-pods", abstract: "Lose production with many SIMULATED pods, and time until all run in local-dr.",
      discussion: """
        A lab of its own on loopback addresses (none may be up there), with simulated hosts in production and local-dr beside the lab's five: \
        nothing is executed on them. Every process of production gets SIGKILL, its hosts' kubelets with it. What is measured is ours: \
        activation, deletion, creation, scheduling, bindings and status writes.
        """)
    @Option(help: "Simulated hosts, half of them in production, half in local-dr; 2 to 400.") var nodes: Int = 100
    @Option(help: "Pods, in ten Deployments; 10 to 20000.") var pods: Int = 1_000
    @Option(help: "The site file.") var site: String = "sites/lab/site.yaml"
    @Option(help: "Where the lab goes; its parent must be there.") var directory: String?
    @Option(help: "text or json") var output: OutputFormat = .text

    private static let deployments: Int = 10
    private static let namespace: String = "crowd"
    private static let steps: [String] = ["activation", "lostGone", "created", "bound", "running"]

    func validate() throws {
      guard (2...400).contains(nodes), (10...20_000).contains(pods) else {
        throw ValidationError("--nodes takes 2 to 400, --pods 10 to 20000")
      }
    }

    func run() async throws {
      Logs.bootstrap(level: .error)
      let folder = LabDirectory(path: directory ?? "/var/tmp/tricenter-bench-\(getpid())")
      var crowds: [pid_t] = []
      do {
        let times: [String: Double] = try await measure(folder, &crowds)
        try await end(folder, crowds)
        switch output {
        case .text:
          printLine("\(pods) SIMULATED pods on \(nodes) simulated hosts, milliseconds after production's loss:")
          for step in Self.steps { printLine("  \(step)  \(times[step].map { String(Int($0)) } ?? "-")") }
        case .json:
          let members: [(String, JSONValue)] = Self.steps.map { step in (step, times[step].map { JSONValue.double($0) } ?? .null) }
          printJSON(.object(JSONObject(members)))
        }
        if times["running"] == nil { throw ExitCode(1) }
      } catch {
        try? await end(folder, crowds)
        throw error
      }
    }

    private func end(_ folder: LabDirectory, _ crowds: [pid_t]) async throws {
      for pid in crowds { kill(pid, SIGKILL) }
      for pid in crowds { waitpid(pid, nil, 0) }
      try await Lab.down(directory: folder) { _ in }
    }

    private func measure(_ folder: LabDirectory, _ crowds: inout [pid_t]) async throws -> [String: Double] {
      let lab = try Lab.prepare(
        directory: folder, siteFile: site, mode: .loopback(reason: "simulated pods are what is measured"), program: LabOptions.program)
      for host in lab.site.hosts { try lab.power(on: host.name) }
      try lab.bringUpRelay()
      let access = try LabAccess(lab: lab)
      try await access.waitUntilReady(timeout: .seconds(60)) { _ in }
      let home: Center = lab.site.centers[0]
      let next: CenterName = lab.site.clusters.first?.automaticTo.first ?? lab.site.centers[1].name
      for center in [home.name, next] {
        crowds.append(
          try startDetached(
            [
              LabOptions.program, "bench", "crowd", "--directory", folder.path, "--center", center.value, "--count", "\(nodes / 2)",
            ], log: folder.log("crowd-\(center)")))
      }
      let first: pid_t = crowds[0]
      var client: KubeClient = access.center(next)
      client.requestTimeout = .seconds(10)
      let asking: KubeClient = client
      let watched = Watched(client: client, namespace: Self.namespace)
      return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await watched.run() }
        defer { group.cancelAll() }
        printError("waiting for \(nodes) simulated hosts")
        try await Self.wait(.seconds(120)) { watched.readyNodes >= nodes / 2 * 2 + lab.site.hosts.count }
        try await create(asking)
        printError("waiting for \(pods) pods in \(home.name)")
        try await Self.wait(.seconds(300)) { watched.count(in: home.name, lost: home.name).running == pods }
        let clock = SystemClock()
        let began: MonotonicTime = clock.now()
        kill(first, SIGKILL)
        _ = lab.power(off: home.hosts.map(\.name))
        printError("\(home.name) is lost")
        return try await follow(watched, next, home.name, since: began, clock)
      }
    }

    private func follow(
      _ watched: Watched, _ next: CenterName, _ home: CenterName, since began: MonotonicTime, _ clock: SystemClock
    ) async throws -> [String: Double] {
      var times: [String: Double] = [:]
      while times["running"] == nil, clock.now() - began < .seconds(120) {
        let now: Double = (clock.now() - began).inMilliseconds
        func note(_ step: String, _ holds: Bool) { if holds, times[step] == nil { times[step] = now } }
        let counts: Watched.Counts = watched.count(in: next, lost: home)
        note("activation", watched.active == next.value)
        note("lostGone", counts.lost == 0)
        note("created", counts.lost == 0 && counts.alive >= pods)
        note("bound", counts.bound >= pods)
        note("running", counts.running >= pods)
        try await Task.sleep(for: .milliseconds(50))
      }
      return times
    }

    private func create(_ client: KubeClient) async throws {
      _ = try await client.create(
        .namespaces, KubeObject(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(Self.namespace)]]))
      for index in 0..<Self.deployments {
        let share: Int = pods / Self.deployments + (index < pods % Self.deployments ? 1 : 0)
        let labels: JSONValue = ["app": .string("crowd-\(index)")]
        _ = try await client.create(
          .deployments,
          KubeObject([
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": ["name": .string("crowd-\(index)"), "namespace": .string(Self.namespace)],
            "spec": [
              "replicas": .int(Int64(share)), "selector": ["matchLabels": labels],
              "template": [
                "metadata": ["labels": labels],
                "spec": [
                  "containers": [
                    ["name": "idle", "image": "tricenter.local/idle:1", "resources": ["requests": ["cpu": "1m", "memory": "1Mi"]]]
                  ]
                ],
              ],
            ],
          ]))
      }
    }

    private static func wait(_ limit: Duration, _ condition: () -> Bool) async throws {
      let end: MonotonicTime = SystemClock().now() + limit
      while !condition() {
        guard SystemClock().now() < end else { throw ValidationFault("The simulated hosts or pods did not come within \(limit).") }
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }
}

/// What local-dr's apiserver shows while production is lost.
struct Watched: Sendable {
  struct Counts {
    var lost: Int = 0
    var alive: Int = 0
    var bound: Int = 0
    var running: Int = 0
  }
  private let pods: Informer
  private let nodes: Informer
  private let leases: Informer

  init(client: KubeClient, namespace: String) {
    pods = Informer(client: client, resource: .pods, namespace: namespace)
    nodes = Informer(client: client, resource: .nodes)
    leases = Informer(client: client, resource: .leases, namespace: ActivationRecord.namespace)
  }

  func run() async {
    await withDiscardingTaskGroup { group in
      for informer in [pods, nodes, leases] { group.addTask { await informer.run() } }
    }
  }

  var readyNodes: Int { nodes.cache.all.count { Capacity.isReady($0) } }
  var active: String? {
    leases.cache.all.first { $0.name.hasPrefix("activation-") }?.spec["holderIdentity"].string
  }

  /// `lost`: still bound to nodes of that center.
  func count(in center: CenterName, lost: CenterName) -> Counts {
    let centers: [String: String] = Dictionary(
      nodes.cache.all.map { ($0.name, $0.labels[FederationNames.centerLabel] ?? "") }, uniquingKeysWith: { first, _ in first })
    var counts = Counts()
    for pod in pods.cache.all where !pod.isBeingDeleted {
      let place: String = pod.spec["nodeName"].string.flatMap { centers[$0] } ?? ""
      if place == lost.value, center != lost {
        counts.lost += 1
        continue
      }
      counts.alive += 1
      guard place == center.value else { continue }
      counts.bound += 1
      if pod.status["phase"].string == "Running" { counts.running += 1 }
    }
    return counts
  }
}
