import NIOPosix
import PodNetwork
import Primitives
import Testing

@testable import Kubelet

/// One containerd at a time.
@Suite("containerd", .serialized, .enabled(if: ContainerdHost.obstacle == nil, "needs root, containerd, runc, CNI plugins and busybox"))
enum ContainerdSuites {}

extension ContainerdSuites {
  @Suite("containerd through CRI")
  struct CRIRuntimeTests {
    @Test("A sandbox with an address, a container that runs, answers exec, ends with its code, and leaves nothing", .timeLimit(.minutes(1)))
    func life() async throws {
      let host = try await ContainerdHost()
      let failures: [String] = await withTaskGroup(of: [String].self) { _ in
        do {
          try await use(host)
          return []
        } catch {
          return ["\(error)"]
        }
      }
      let left: [String] = await host.tearDown()
      #expect(failures.isEmpty)
      #expect(left.isEmpty)
    }

    private func use(_ host: ContainerdHost) async throws {
      let clock = ContinuousClock()
      let runtime = CRIRuntime(socket: host.socket, group: .singletonMultiThreadedEventLoopGroup)
      defer { runtime.close() }
      let network: PodNetworkConfiguration = host.podNetwork
      try Files.makeDirectory(network.cniDirectory)
      try Files.write(
        Bytes(
          try CNIConfiguration(networkName: "tricenter-test", podRange: network.podRange, addressDirectory: network.addressDirectory).text),
        to: "\(network.cniDirectory)/\(CNIConfiguration.fileName)", mode: 0o644)
      #expect(try await runtime.version().hasPrefix("containerd://1."))
      for _ in 0..<100 where try await runtime.status().networkProblem != nil { try await Task.sleep(for: .milliseconds(50)) }
      #expect(try await runtime.status() == RuntimeStatus())
      #expect(try await runtime.image("tricenter.local/web:1")?.names.contains("tricenter.local/web:1") == true)
      #expect(try await runtime.image("tricenter.local/none:1") == nil)

      var sandbox = SandboxConfiguration(
        name: "web", uid: "u1", namespace: "shop", attempt: 0, hostname: "web", logDirectory: "\(host.folder)/logs",
        dns: DNSSettings(servers: ["10.96.0.10"], searches: ["shop.svc.cluster.local"], options: ["ndots:5"]),
        labels: [PodLabels.podUID: "u1"],
        annotations: [PodLabels.hot: "true"], cgroupParent: "\(host.cgroupRoot)/podu1")
      sandbox.runAsUser = 0
      var id: String = ""
      let sandboxTime: Duration = try await clock.measure { id = try await runtime.runSandbox(sandbox) }
      let status: SandboxObservation = try await runtime.sandboxStatus(id)
      #expect(status.ready && status.hot && status.podUID == "u1")
      #expect(IPv4Network(host.podCIDR)!.contains(IPv4Address(status.address)!))

      var container = ContainerConfiguration(name: "web", attempt: 0, image: "tricenter.local/web:1")
      container.labels = [PodLabels.podUID: "u1"]
      container.annotations = [PodLabels.image: "tricenter.local/web:1"]
      container.environment = [EnvironmentVariable("POD_NAME", "web")]
      container.logPath = "web/0.log"
      container.resources.memoryLimitBytes = 64 << 20
      var containerID: String = ""
      let createTime: Duration = try await clock.measure { containerID = try await runtime.createContainer(in: id, container, of: sandbox) }
      let startTime: Duration = try await clock.measure { try await runtime.startContainer(containerID) }
      let probe = NetworkProber(group: .singletonMultiThreadedEventLoopGroup)
      var outcome = ProbeOutcome(succeeded: false, message: "")
      let probeTime: Duration = await clock.measure {
        for _ in 0..<100 where !outcome.succeeded {
          outcome = await probe.probe(
            .http(scheme: "HTTP", host: "", port: 8080, path: "/", headers: []), address: status.address, timeout: .seconds(1))
          if !outcome.succeeded { try? await Task.sleep(for: .milliseconds(20)) }
        }
      }
      #expect(outcome == ProbeOutcome(succeeded: true, message: ""))
      let refused: ProbeOutcome = await probe.probe(.tcp(host: "", port: 9), address: status.address, timeout: .seconds(1))
      #expect(!refused.succeeded)
      #expect(refused.message.contains("connection refused"))
      #expect(
        try await runtime.execute(in: containerID, ["/bin/sh", "-c", "cat /etc/resolv.conf; exit 3"], timeout: .seconds(5)).exitCode == 3)

      let listed: [ContainerObservation] = try await runtime.listContainers()
      #expect(listed.map(\.podUID) == ["u1"])
      #expect(listed.first?.state == .running)
      let stopTime: Duration = try await clock.measure { try await runtime.stopContainer(containerID, grace: .seconds(5)) }
      let ended: ContainerObservation = try await runtime.containerStatus(containerID)
      #expect(ended.state == .exited && ended.exitCode == 0 && ended.image == "tricenter.local/web:1")
      let discardTime: Duration = try await clock.measure {
        try await runtime.stopSandbox(id)
        try await runtime.removeSandbox(id)
      }
      try await runtime.removeSandbox(id)
      #expect(try await runtime.listSandboxes().isEmpty)
      CgroupKiller.remove(sandbox.cgroupParent)
      await #expect(throws: KubeletError(.notFound, "")) { _ = try await runtime.containerStatus(containerID) }
      await #expect(throws: KubeletError(.runtimeFailed, "")) {
        try await runtime.pull("tricenter.local/none:1", credentials: nil, for: nil)
      }
      print(
        "CRI in ms: sandbox \(Int(sandboxTime.inMilliseconds)), create \(Int(createTime.inMilliseconds)), start \(Int(startTime.inMilliseconds)), first HTTP answer \(Int(probeTime.inMilliseconds)), stop \(Int(stopTime.inMilliseconds)), discard \(Int(discardTime.inMilliseconds))"
      )
    }
  }
}
