import Glibc
import KubeModel
import Primitives
import Processes
import Synchronization
import Testing

@testable import ServiceProxy

@Suite struct RuleTests {
  static func service(_ name: String, _ spec: JSONValue) -> KubeObject {
    KubeObject(["metadata": ["name": .string(name), "namespace": "shop"], "spec": spec])
  }
  static func slice(_ service: String, _ endpoints: JSONValue) -> KubeObject {
    KubeObject([
      "metadata": ["name": .string("\(service)-1"), "namespace": "shop", "labels": ["kubernetes.io/service-name": .string(service)]],
      "addressType": "IPv4", "ports": [["name": "http", "port": 8080, "protocol": "TCP"]], "endpoints": endpoints,
    ])
  }
  static func endpoint(_ address: String, node: String = "a", ready: Bool = true, serving: Bool = false) -> JSONValue {
    [
      "addresses": [.string(address)], "nodeName": .string(node),
      "conditions": ["ready": .bool(ready), "serving": .bool(serving || ready), "terminating": .bool(serving && !ready)],
    ]
  }
  static let web: KubeObject = service(
    "web", ["clusterIP": "10.96.0.7", "ports": [["name": "http", "port": 80, "targetPort": 8080, "nodePort": 30_080]]])
  static let host = RuleSet.Host(podCIDR: "10.171.1.0/24", unfencedPods: [], isFenced: true)

  static func ports(_ service: KubeObject, _ endpoints: JSONValue) -> [ServicePort] {
    ServicePort.all(services: [service], slices: [slice(service.name, endpoints)], node: "a", zone: nil)
  }

  @Test func readyEndpointsAreBalancedOver() throws {
    let ports: [ServicePort] = Self.ports(
      Self.web, [Self.endpoint("10.1.0.2"), Self.endpoint("10.1.0.1"), Self.endpoint("10.1.0.3", ready: false)])
    #expect(ports.map { $0.endpoints.map(\.description) } == [["10.1.0.1:8080", "10.1.0.2:8080"]])
    let rules: RuleSet = .build(ports, host: Self.host)
    #expect(rules.elements["service-ips"]?.first?.hasPrefix("10.96.0.7 . tcp . 80 : goto svc-") == true)
    #expect(rules.elements["node-ports"]?.first?.hasPrefix("tcp . 30080 : goto ext-") == true)
    #expect(rules.chains.values.joined().contains { $0.contains("dnat to 10.1.0.2:8080") })
    #expect(!rules.chains.values.joined().contains { $0.contains("10.1.0.3") })
  }

  @Test func nothingLeadsToTheCenterThatAnActivationHasLeftButToHotPods() {
    func endpoint(_ address: String, in zone: String?) -> JSONValue {
      var endpoint: JSONValue = Self.endpoint(address, node: "b")
      if let zone { endpoint["zone"] = .string(zone) }
      return endpoint
    }
    let endpoints: JSONValue = [
      endpoint("10.1.0.1", in: "production"), endpoint("10.2.0.1", in: "local-dr"), endpoint("192.0.2.1", in: nil),
      endpoint("192.0.2.2", in: nil),
    ]
    let production = Departure(center: "production", hosts: ["192.0.2.1"])
    func chosen(_ slice: KubeObject, left: Departure?, from zone: String = "remote-dr") -> [String] {
      ServicePort.all(services: [Self.web], slices: [slice], node: "a", zone: zone, left: left)[0].endpoints.map(\.address)
    }
    let plain: KubeObject = Self.slice("web", endpoints)
    #expect(chosen(plain, left: nil) == ["10.1.0.1", "10.2.0.1", "192.0.2.1", "192.0.2.2"])
    #expect(chosen(plain, left: production) == ["10.2.0.1", "192.0.2.2"])
    // Its own hosts may live, and reach no API server but theirs.
    #expect(chosen(plain, left: production, from: "production") == ["10.2.0.1", "192.0.2.1", "192.0.2.2"])
    var hot: KubeObject = plain
    hot.json["metadata"]["labels"][WorkloadTier.annotation] = .string(WorkloadTier.hot.rawValue)
    #expect(chosen(hot, left: production).count == 4)
  }

  @Test func withoutReadyOnesThoseThatEndStillServeAndWithoutAnyItIsRefused() {
    #expect(Self.ports(Self.web, [Self.endpoint("10.1.0.1", ready: false, serving: true)])[0].endpoints.count == 1)
    let rules: RuleSet = .build(Self.ports(Self.web, []), host: Self.host)
    #expect(rules.elements["no-endpoints"] == ["10.96.0.7 . tcp . 80"])
    #expect(rules.elements["no-endpoint-ports"] == ["tcp . 30080"])
    #expect(rules.elements["service-ips"] == [])
  }

  @Test func externalTrafficPolicyLocalKeepsToThisHostAndTheSource() {
    var service: KubeObject = Self.web
    service.json["spec"]["externalTrafficPolicy"] = "Local"
    let rules: RuleSet = .build(Self.ports(service, [Self.endpoint("10.1.0.1"), Self.endpoint("10.2.0.1", node: "b")]), host: Self.host)
    let outside: [String] = rules.chains.first { $0.key.hasPrefix("ext-") }?.value ?? []
    #expect(outside.count == 1 && outside[0].contains("mod 1"))
    #expect(!outside.contains { $0.contains("mark") })
  }

  @Test func headlessAndExternalNamesHaveNoRules() {
    #expect(Self.ports(Self.service("db", ["clusterIP": "None", "ports": [["port": 1]]]), []).isEmpty)
    #expect(Self.ports(Self.service("x", ["type": "ExternalName", "externalName": "e.example", "ports": [["port": 1]]]), []).isEmpty)
  }

  @Test func aChangeTouchesOnlyWhatChanged() {
    let before: RuleSet = .build(Self.ports(Self.web, [Self.endpoint("10.1.0.1"), Self.endpoint("10.1.0.2")]), host: Self.host)
    let after: RuleSet = .build(Self.ports(Self.web, [Self.endpoint("10.1.0.1"), Self.endpoint("10.1.0.3")]), host: Self.host)
    #expect(before.changes(from: before).isEmpty)
    let script: String = after.changes(from: before)
    #expect(script.contains("dnat to 10.1.0.3:8080"))
    #expect(!script.contains("dnat to 10.1.0.1:8080"))
    #expect(!script.contains("service-ips"))
    let lines: [Substring] = script.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("delete chain") } == 1)
  }

  @Test func podsOfNamespacesPlacedApartHaveALeaseOfTheirOwn() async throws {
    let written: Mutex<[String]> = Mutex([])
    let table = ProxyTable(clock: SystemClock()) { script, _ in written.withLock { $0.append(script) } }
    func said() -> [String] {
      written.withLock { all in
        defer { all = [] }; return all
      }
    }
    var host: RuleSet.Host = Self.host
    host.fencesBridge = true
    try await table.apply(.build([], host: host))
    host.apartPods = ["10.171.1.9", "10.171.1.8"]
    try await table.apply(.build([], host: host))
    #expect(said().last?.contains("add element ip tricenter-proxy apart-pods { 10.171.1.8, 10.171.1.9 }") == true)
    let until: MonotonicTime = SystemClock().now() + .seconds(60)
    await table.followApart(.allowed(until: until), pods: ["10.171.1.9"])
    #expect(said().contains { $0.contains("add element ip tricenter-proxy apart-lease { 10.171.1.9 timeout 59s") && $0.contains("bridge") })
    // Another pod: the elements are written at once, whatever is left of the time.
    await table.followApart(.allowed(until: until), pods: ["10.171.1.9"])
    #expect(said().isEmpty)
    await table.followApart(.allowed(until: until), pods: ["10.171.1.9", "10.171.1.8"])
    #expect(said().contains { $0.contains("{ 10.171.1.8 timeout 59s") })
    await table.followApart(.denied, pods: ["10.171.1.9"])
    #expect(said() == ["flush set ip tricenter-proxy apart-lease\nflush set bridge tricenter-fence apart-lease\n"])
  }

  @Test func theKernelsTimerEndsBeforeThePermissionDoes() {
    var timer = LeaseTimer()
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
    // 125 ms less than what is left: the kernel counts from nft's commit.
    #expect(timer.onAllowed(until: at(2_500), now: at(0)) == .renew(milliseconds: 2_375))
    #expect(timer.onAllowed(until: at(2_700), now: at(200)) == nil)
    #expect(timer.onAllowed(until: at(3_500), now: at(1_000)) == .renew(milliseconds: 2_375))
    // A permission that was shortened counts at once.
    #expect(timer.onAllowed(until: at(2_000), now: at(1_100)) == .renew(milliseconds: 775))
    #expect(timer.onDenied() == .remove)
    #expect(timer.onDenied() == nil)
    #expect(LeaseTimer.script(.renew(milliseconds: 1_250)).contains("tcp timeout 1s250ms"))
  }

  @Test func aWriteThatCameTooLateIsNotTrustedWhateverItTook() {
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
    for took in [0, 10, 125, 126, 400, 900, 5_000] as [Int64] {
      var timer = LeaseTimer()
      let until: MonotonicTime = at(2_500)
      guard case .renew(let milliseconds)? = timer.onAllowed(until: until, now: at(0)) else {
        Issue.record("nothing was written")
        return
      }
      // The commit is no later than nft's return.
      let kernelEnds: MonotonicTime = at(took + milliseconds)
      let inTime: Bool = timer.onWritten(took: .milliseconds(took))
      #expect(inTime == (kernelEnds <= until), "\(took) ms")
      guard !inTime else { continue }
      // Written again at once though little of its time is used, with more taken off; denied, it is taken away.
      var denied: LeaseTimer = timer
      let removal: LeaseTimer.Action? = denied.onDenied()
      #expect(removal == .remove)
      let again: LeaseTimer.Action? = timer.onAllowed(until: at(took + 2_500), now: at(took))
      #expect(again == .renew(milliseconds: 2_500 - min(1_000, max(250, took * 2))))
      let most: Duration = again.map { timer.timeout($0) } ?? .zero
      #expect(most - timer.allowance <= .milliseconds(150))
    }
  }

  /// nft that takes as long as it is told, on a clock of its own.
  final class SlowKernel: TimeSource {
    struct State {
      var now: Int64 = 0
      var delays: [Int64] = []
      /// When each committed renewal ends in the kernel, nil for a removal.
      var ends: [Int64?] = []
    }
    let state: Mutex<State> = Mutex(State())
    func now() -> MonotonicTime { MonotonicTime(nanoseconds: state.withLock { $0.now } * 1_000_000) }
    func wall() -> WallTime { WallTime(secondsSince1970: 0) }
    /// The commit is at the end; a run over its time is killed just after it was carried out, the worst that can happen.
    func write(_ script: String, _ timeout: Duration) throws {
      try state.withLock { state in
        let delay: Int64 = state.delays.isEmpty ? 5 : state.delays.removeFirst()
        let limit: Int64 = timeout.inNanoseconds / 1_000_000
        state.now += min(delay, limit)
        if let time = script.split(separator: "tcp timeout ").dropFirst().first?.prefix(while: { $0 != "," && $0 != " " }) {
          let parts: [Int64] = time.split(whereSeparator: { $0.isLetter }).compactMap { Int64($0) }
          state.ends.append(state.now + parts[0] * 1_000 + parts[1])
        } else if script.contains("flush set ip tricenter-proxy lease") {
          state.ends.append(nil)
        }
        if delay > limit { throw ProxyError(.nftables, "nft did not end") }
      }
    }
    func advance(_ milliseconds: Int64) { state.withLock { $0.now += milliseconds } }
  }

  @Test func aKernelThatIsSlowNeverLetsTrafficOutliveItsPermission() async throws {
    let kernel = SlowKernel()
    let table = ProxyTable(clock: kernel) { script, timeout in try kernel.write(script, timeout) }
    try await table.apply(.build([], host: Self.host))
    for delays in [[5], [300, 5], [300, 700, 900, 5], [5_000, 5], [5], [5_000, 5_000, 5]] as [[Int64]] {
      kernel.state.withLock { state in
        state.delays = delays
        state.ends = []
      }
      let until: Int64 = kernel.state.withLock { $0.now } + 2_500
      // Told again every 200 ms, as the activation is read.
      for _ in 0..<8 {
        await table.follow(.allowed(until: MonotonicTime(nanoseconds: until * 1_000_000)))
        kernel.advance(200)
      }
      let ends: [Int64?] = kernel.state.withLock { $0.ends }
      // Single ones may be late by half of the smallest margin, until they are written again; the last one is not.
      for end in ends { #expect((end ?? 0) <= until + 150, "\(delays): \(ends), \(until)") }
      #expect((ends.last.flatMap { $0 } ?? 0) <= until, "\(delays): \(ends), \(until)")
      await table.follow(.denied)
      let left: [Int64?] = kernel.state.withLock { $0.ends }
      #expect(!left.isEmpty && left[left.count - 1] == nil)
    }
  }
}

/// Against the kernel, in a network namespace of its own.
@Suite(.serialized) struct KernelTests {
  static let possible: Bool = geteuid() == 0 && findProgram("nft") != nil && findProgram("unshare") != nil

  /// Runs a shell script in a new network namespace with `scripts` as files $1, $2, ….
  static func inNamespace(_ script: String, _ scripts: [String]) async throws -> String {
    var folder: [CChar] = Array("/tmp/tricenter-proxy-XXXXXX".utf8CString)
    guard mkdtemp(&folder) != nil else { throw ProxyError(.nftables, "no temporary folder") }
    let path = String(decoding: folder.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var files: [String] = []
    for (index, text) in scripts.enumerated() {
      let file = "\(path)/\(index)"
      try await Command(["tee", file], input: Bytes(text)).run()
      files.append(file)
    }
    do {
      let said: String = try await Command(["unshare", "--net", "sh", "-ec", "ip link set lo up; \(script)", "sh"] + files).run()
      try await Command("rm", "-rf", path).run()
      return said
    } catch {
      _ = try await Command("rm", "-rf", path).outcome()
      throw error
    }
  }

  @Test(.enabled(if: possible, "needs root, nft and network namespaces"))
  func theKernelTakesEveryTransactionAndARestartLeavesNothingStale() async throws {
    var affine: KubeObject = RuleTests.web
    affine.json["spec"]["sessionAffinity"] = "ClientIP"
    let one: RuleSet = .build(
      RuleTests.ports(affine, [RuleTests.endpoint("10.1.0.1"), RuleTests.endpoint("10.1.0.2")]), host: RuleTests.host)
    let two: RuleSet = .build(RuleTests.ports(RuleTests.web, [RuleTests.endpoint("10.1.0.9")]), host: RuleTests.host)
    let three: RuleSet = .build([], host: RuleTests.host)
    let lease: String = LeaseTimer.script(.renew(milliseconds: 60_000))
    let said: String = try await Self.inNamespace(
      "nft -f $1; nft -f $2; nft -f $3; nft -f $4; nft list ruleset; echo ====; nft -f $1; nft -f $5; nft list ruleset",
      [one.replacing(), lease, two.changes(from: one), three.changes(from: two), two.replacing()])
    let parts: [String] = said.split(separator: "====").map(String.init)
    #expect(!parts[0].contains("10.1.0"), "\(parts[0])")
    #expect(!parts[0].contains("chain svc-") && !parts[0].contains("set aff-"))
    #expect(parts[0].contains("tcp timeout 1m"))
    #expect(parts[1].contains("10.1.0.9:8080") && !parts[1].contains("10.1.0.1"), "\(parts[1])")
  }

  @Test(
    .enabled(
      if: possible && findProgram("busybox") != nil && findProgram("curl") != nil, "needs root, nft, network namespaces, busybox and curl"))
  func packetsReachAnEndpointByClusterIPAndNodePort() async throws {
    let rules: RuleSet = .build(RuleTests.ports(RuleTests.web, [RuleTests.endpoint("192.168.77.2")]), host: RuleTests.host)
    let none: RuleSet = .build(RuleTests.ports(RuleTests.web, []), host: RuleTests.host)
    let said: String = try await Self.inNamespace(
      """
      ip link add d0 type veth peer name d1; ip addr add 192.168.77.2/32 dev d0; ip addr add 192.168.77.1/24 dev d1; ip link set d0 up; ip link set d1 up
      ip route add 10.96.0.0/16 dev d1
      mkdir -p "$1.www"; echo hello > "$1.www/index.html"
      busybox httpd -f -p 192.168.77.2:8080 -h "$1.www" & server=$!
      nft -f $1
      for i in 1 2 3 4 5 6 7 8 9 10; do curl -s -m 1 http://192.168.77.2:8080/ >/dev/null && break; sleep 0.1; done
      echo "cluster $(curl -s -m 2 http://10.96.0.7/)"
      echo "node $(curl -s -m 2 http://192.168.77.1:30080/)"
      nft -f $2
      curl -s -m 2 http://10.96.0.7/ || [ $? != 7 ] || echo refused
      kill $server
      """, [rules.replacing(), none.changes(from: rules)])
    #expect(said.contains("cluster hello"), "\(said)")
    #expect(said.contains("node hello"), "\(said)")
    #expect(said.contains("refused"), "\(said)")
  }
}
