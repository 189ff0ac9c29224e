import KubeModel
import PodNetwork
import Primitives
import Testing

@testable import Kubelet

@Suite("Small parts")
struct SmallPartsTests {
  private func at(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(seconds * 1e9)) }

  @Test("Back-off: at once, then 10 s doubling to 5 min, forgotten after 10 min of quiet")
  func backoff() {
    var backoff = RestartBackoff()
    #expect(backoff.earliest(afterFailureAt: at(100)) == at(100))
    var time: Double = 100
    var waits: [Int64] = []
    for _ in 0..<8 {
      backoff.step(failedAt: at(time), now: at(time))
      waits.append(backoff.current.components.seconds)
      time += 1
    }
    #expect(waits == [10, 20, 40, 80, 160, 300, 300, 300])
    #expect(backoff.earliest(afterFailureAt: at(time)) == at(time + 300))
    #expect(backoff.earliest(afterFailureAt: at(time + 700)) == at(time + 700))
  }

  @Test("A readiness verdict turns at its thresholds and not before")
  func thresholds() {
    var probe = ProbeCounter(
      ProbeBlueprint(kind: .readiness, ["tcpSocket": ["port": 80], "successThreshold": 2, "failureThreshold": 3], ports: [:]))
    var turns: [Bool] = []
    for result in [true, true, false, false, true, false, false, false] { turns.append(probe.onResult(succeeded: result, message: "")) }
    #expect(turns == [false, true, false, false, false, false, false, true])
    #expect(probe.verdict == .failure)
  }

  @Test("Probes find their port by number and by name; an unknown name is told, not guessed")
  func ports() {
    #expect(
      ProbeAction(["httpGet": ["port": "web", "path": "x"]], ports: ["web": 8080])
        == .http(scheme: "HTTP", host: "", port: 8080, path: "/x", headers: []))
    #expect(ProbeAction(["tcpSocket": ["port": 80]], ports: [:]) == .tcp(host: "", port: 80))
    guard case .unusable = ProbeAction(["httpGet": ["port": "nowhere"]], ports: [:]) else {
      Issue.record("a port name that nobody has was accepted")
      return
    }
  }

  @Test("CRI log lines: parts are joined, time stamps stand before whole lines, tails count whole lines")
  func logs() throws {
    let content: String =
      "2026-11-22T10:00:00.1Z stdout F one\n2026-11-22T10:00:01.1Z stdout P tw\n2026-11-22T10:00:01.2Z stdout F o\nnonsense\n2026-11-22T10:00:02Z stderr F three\n"
    let scratch = Scratch()
    try Files.write(Bytes(content + "2026-unfinished"), to: "\(scratch.path)/0.log", mode: 0o600)
    let lines: [ArraySlice<UInt8>] = LogFile("\(scratch.path)/0.log")?.lines() ?? []
    #expect(LogFile.count("\(scratch.path)/0.log") == 3)
    var options = ContainerLog.Options()
    func text(_ lines: [ArraySlice<UInt8>]) -> String {
      var continued: Bool = false
      return ContainerLog.render(lines, options, continued: &continued).text
    }
    #expect(text(lines) == "one\ntwo\nthree\n")
    options.timestamps = true
    #expect(
      text(lines).hasPrefix("2026-11-22T10:00:00.1Z one\n2026-11-22T10:00:01.1Z two\n"))
    options.timestamps = false
    #expect(text(Array(ContainerLog.tail(lines, 2))) == "two\nthree\n")
    options.sinceTime = WallTime(rfc3339: "2026-11-22T10:00:02Z")
    #expect(text(lines) == "three\n")
  }

  @Test("Names without a tag, and with the tag latest, are pulled always")
  func latest() {
    #expect(PodWorker.isLatest("web"))
    #expect(PodWorker.isLatest("registry:5000/web"))
    #expect(PodWorker.isLatest("web:latest"))
    #expect(!PodWorker.isLatest("tricenter.local/web:1"))
    #expect(!PodWorker.isLatest("web@sha256:00"))
  }

  @Test("CPU and memory become shares, quota and bytes")
  func resources() {
    let settings = KubeletConfiguration(
      hostName: "prod-1", center: "production", city: "a", address: "10.1.0.11", podCIDR: "10.244.0.0/24",
      runtime: .simulated(startLatency: .zero),
      rootDirectory: "/tmp/x")
    let builder = ConfigurationBuilder(settings: settings, pod: KubeObject([:]))
    let resources: ContainerResources = builder.resources(["requests": ["cpu": "250m"], "limits": ["cpu": "1.5", "memory": "64Mi"]])
    #expect((resources.cpuShares, resources.cpuQuota, resources.cpuPeriod) == (256, 150_000, 100_000))
    #expect(resources.memoryLimitBytes == 64 << 20)
    #expect(builder.resources([:]).cpuShares == 2)
  }

  @Test("The Node: labels of host, center and city; other people's conditions stay; a simulated node says so")
  func node() {
    var settings = KubeletConfiguration(
      hostName: "prod-1", center: "production", city: "east", address: "10.1.0.11", podCIDR: "10.244.0.0/24",
      runtime: .simulated(startLatency: .zero),
      rootDirectory: "/tmp")
    settings.capacity = ["cpu": "4"]
    settings.reserved = ["cpu": "500m"]
    let facts = HostFacts(
      processors: 2, memoryBytes: 1 << 30, kernelVersion: "6", operatingSystemImage: "L", machineID: "m", bootID: "b", architecture: "amd64"
    )
    let builder = NodeBuilder(configuration: settings, facts: facts)
    #expect(builder.labels["topology.kubernetes.io/zone"] == "production")
    #expect(builder.labels["topology.kubernetes.io/region"] == "east")
    #expect(builder.allocatable["cpu"] == "3500m")
    let before: JSONValue = [
      "conditions": [
        ["type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"], ["type": "Other", "status": "True"],
        ["type": "PIDPressure", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"],
      ]
    ]
    let status: JSONValue = builder.status(
      health: .init(), images: [], runtimeVersion: "simulated://1", before: before, now: WallTime(secondsSince1970: 1_800_000_000))
    let conditions: [String: JSONValue] = Dictionary(uniqueKeysWithValues: status["conditions"].array.map { ($0["type"].string!, $0) })
    #expect(conditions["Ready"]?["status"].string == "True")
    #expect(conditions["Ready"]?["lastTransitionTime"].string == "2027-01-15T08:00:00Z")
    #expect(conditions["PIDPressure"]?["lastTransitionTime"].string == "2026-01-01T00:00:00Z")
    #expect(conditions["Other"] != nil)
    #expect(conditions["tricenter.io/Simulated"]?["status"].string == "True")
    #expect(status["nodeInfo"]["kubeletVersion"].string == "v1.36.0+tricenter")
  }

  @Test("Simulated pods get addresses in turn, and one that was given back rests")
  func simulatedAddresses() async throws {
    let runtime = try SimulatedRuntime(podCIDR: "10.244.0.0/29")
    func run(_ name: String) async throws -> (String, String) {
      let id: String = try await runtime.runSandbox(SandboxConfiguration(name: name, uid: name, namespace: "x", attempt: 0))
      return (id, try await runtime.sandboxStatus(id).address)
    }
    let first = try await run("a")
    #expect(first.1 == "10.244.0.2")
    try await runtime.removeSandbox(first.0)
    #expect(try await run("b").1 == "10.244.0.3")
    for name in ["c", "d", "e", "f"] { _ = try await run(name) }
    await #expect(throws: KubeletError(.noAddress, "")) { _ = try await run("g") }
  }
}
