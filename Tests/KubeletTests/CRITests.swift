import HTTP
import NIOCore
import Primitives
import Testing

@testable import Kubelet

@Suite("CRI messages")
struct CRITests {
  @Test("A sandbox is written with the field numbers of runtime.v1")
  func sandbox() throws {
    var sandbox = SandboxConfiguration(
      name: "web", uid: "u1", namespace: "shop", attempt: 2, hostname: "web", logDirectory: "/l", dns: DNSSettings(servers: ["10.96.0.10"]),
      labels: ["a": "b"], cgroupParent: "/t/p")
    sandbox.runAsUser = 0
    var writer = ProtobufWriter()
    sandbox.write(to: &writer)
    // Written by hand from api.proto: 1 metadata, 2 hostname, 3 log directory, 4 dns, 6 labels, 8 linux {1 cgroup parent, 2 security
    // {1 namespaces {2 pid: CONTAINER}, 3 run_as_user {}}}.
    let expected: Bytes =
      [0x0A, 0x11] + [0x0A, 3] + Bytes("web") + [0x12, 2] + Bytes("u1") + [0x1A, 4] + Bytes("shop") + [0x20, 2]
      + [0x12, 3] + Bytes("web") + [0x1A, 2] + Bytes("/l") + [0x22, 12, 0x0A, 10] + Bytes("10.96.0.10")
      + [0x32, 6, 0x0A, 1] + Bytes("a") + [0x12, 1] + Bytes("b")
      + [0x42, 14, 0x0A, 4] + Bytes("/t/p") + [0x12, 6, 0x0A, 2, 0x10, 1, 0x1A, 0]
    #expect(Bytes(writer.buffer.readableBytesView) == expected)
  }

  @Test("Host ports and security profiles have the numbers of runtime.v1")
  func portsAndProfiles() throws {
    var sandbox = SandboxConfiguration(name: "", uid: "", namespace: "", attempt: 0)
    sandbox.hostPorts = [HostPort(transport: .udp, containerPort: 53, hostPort: 5_353, hostAddress: "10.0.0.1")]
    var writer = ProtobufWriter()
    sandbox.write(to: &writer)
    let mapping: Bytes = [0x2A, 17, 0x08, 1, 0x10, 53, 0x18, 0xE9, 0x29, 0x22, 8] + Bytes("10.0.0.1")
    #expect(Bytes(writer.buffer.readableBytesView).firstRange(of: mapping) != nil)
    for (profile, bytes) in [
      (SecurityProfile.runtimeDefault, Bytes()), (.unconfined, [0x08, 1]), (.localhost("a"), [0x08, 2, 0x12, 1, 0x61]),
    ] {
      var writer = ProtobufWriter()
      profile.write(to: &writer)
      #expect(Bytes(writer.buffer.readableBytesView) == bytes)
    }
    var stats = ProtobufWriter()
    stats.message(1) { $0.message(4) { $0.message(3) { $0.uint64(1, 77) } } }
    #expect(try CRIRead.writableBytes(ProtobufReader(stats.buffer)) == 77)
  }

  @Test("A container's status is read, unknown fields are skipped, and the image is the one the pod wrote")
  func status() throws {
    var writer = ProtobufWriter()
    writer.string(1, "c1")
    writer.message(2) { metadata in
      metadata.string(1, "web")
      metadata.uint32(2, 3)
    }
    writer.uint32(3, 2)
    writer.int64(4, 10)
    writer.int64(5, 20)
    writer.int64(6, 30)
    writer.int32(7, 137)
    writer.message(8) { $0.string(1, "sha256:abc") }
    writer.string(9, "sha256:abc")
    writer.string(10, "OOMKilled")
    writer.map(12, [PodLabels.podUID: "u1"])
    writer.map(13, [PodLabels.image: "shop/web:1"])
    writer.string(99, "from the future")
    let container = try ContainerObservation(criStatus: ProtobufReader(writer.buffer))
    #expect(
      container
        == ContainerObservation(
          id: "c1", sandbox: "", podUID: "u1", name: "web", attempt: 3, state: .exited, createdAt: 10, startedAt: 20, finishedAt: 30,
          exitCode: 137, reason: "OOMKilled", image: "shop/web:1", imageReference: "sha256:abc"))
  }

  @Test("A sandbox's address comes with its status, never with a list")
  func address() throws {
    var writer = ProtobufWriter()
    writer.string(1, "s1")
    writer.message(2) { $0.string(2, "u1") }
    writer.uint32(3, 1)
    writer.message(5) { $0.string(1, "10.244.0.9") }
    writer.map(8, [PodLabels.hot: "true"])
    let status = try SandboxObservation(cri: ProtobufReader(writer.buffer), isListElement: false)
    #expect(status.address == "10.244.0.9")
    #expect(status.hot)
    #expect(!status.ready)
    #expect(try SandboxObservation(cri: ProtobufReader(writer.buffer), isListElement: true).address == "")
  }

  @Test("The runtime's conditions become problems in words")
  func conditions() throws {
    var writer = ProtobufWriter()
    writer.message(1) { status in
      status.message(1) { condition in
        condition.string(1, "RuntimeReady")
        condition.bool(2, true)
      }
      status.message(1) { condition in
        condition.string(1, "NetworkReady")
        condition.string(3, "NetworkPluginNotReady")
        condition.string(4, "cni plugin not initialized")
      }
    }
    let status: RuntimeStatus = try CRIRead.status(ProtobufReader(writer.buffer))
    #expect(status.runtimeProblem == nil)
    #expect(status.networkProblem == "NetworkPluginNotReady: cni plugin not initialized")
  }

  @Test("Truncated answers are errors, not crashes")
  func truncated() {
    var writer = ProtobufWriter()
    writer.message(1) { $0.string(1, "a long enough text") }
    let whole: Bytes = Bytes(writer.buffer.readableBytesView)
    for length in 1..<whole.count {
      #expect(throws: (any Error).self) {
        _ = try CRIRead.messages(ProtobufReader(ByteBuffer(bytes: whole[..<length]))) { try ImageFacts(cri: $0) }
      }
    }
  }
}
