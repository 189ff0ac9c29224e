import Glibc
import KubeClient
import KubeModel
import Primitives
import Processes
import Testing

@testable import PodNetwork

@Suite(
  "Routes in the kernel",
  .enabled(if: geteuid() == 0 && findProgram("nsenter") != nil && findProgram("ip") != nil, "needs root, ip and nsenter"))
struct KernelRouteTests {
  @Test("Routes come, move and go with the hosts; others' routes stay; a second look changes nothing", .timeLimit(.minutes(1)))
  func routes() async throws {
    let namespace: String = "tpn-\(getpid())"
    try await Command("ip", "netns", "add", namespace).run()
    let outcome: Result<Void, any Error>
    do {
      try await use(namespace)
      outcome = .success(())
    } catch { outcome = .failure(error) }
    try await Command("ip", "netns", "delete", namespace).run()
    try outcome.get()
  }

  private func host(_ name: String, _ address: String, _ range: String) -> HostPods {
    HostPods(host: HostName(name), address: IPv4Address(address)!, podRange: IPv4Network(range)!)
  }

  private func use(_ namespace: String) async throws {
    for words in [
      "link add eth0 type veth peer name far", "address add 10.1.0.11/24 dev eth0", "link set eth0 up", "link set far up",
      "route add default via 10.1.0.1", "route add 10.99.0.0/16 via 10.1.0.77", "route add unreachable 192.0.2.0/24",
    ] {
      try await Command(["ip", "-n", namespace] + words.split(separator: " ").map(String.init)).run()
    }
    var configuration = PodNetworkConfiguration(
      hostName: "prod-1", podRange: IPv4Network("10.244.0.0/24")!, cniDirectory: "/tmp/\(namespace)/cni",
      addressDirectory: "/tmp/\(namespace)/addresses")
    configuration.commandPrefix = ["nsenter", "--net=/run/netns/\(namespace)"]
    let network = PodNetwork(client: KubeClient(transport: NoTransport(), fieldManager: "test"), configuration: configuration)
    try await network.prepare()
    let list = Command(["ip", "-N", "-n", namespace, "-4", "route", "show"])
    #expect(try await Command(configuration.commandPrefix + ["cat", "/proc/sys/net/ipv4/ip_forward"]).run() == "1\n")

    let hosts: [HostPods] = [
      host("prod-1", "10.1.0.11", "10.244.0.0/24"), host("prod-2", "10.1.0.12", "10.244.1.0/24"),
      host("ldr-1", "10.2.0.11", "10.244.2.0/24"),
    ]
    try await network.reconcile(hosts)
    #expect(
      try RouteReader.read(try await list.run()).own == [
        PodRoute(podRange: IPv4Network("10.244.1.0/24")!, nextHop: IPv4Address("10.1.0.12")!),
        PodRoute(podRange: IPv4Network("10.244.2.0/24")!, nextHop: IPv4Address("10.1.0.1")!),
      ])
    let before: String = try await list.run()
    try await network.reconcile(hosts)
    #expect(try await list.run() == before)

    try await network.reconcile([host("prod-3", "10.1.0.13", "10.244.1.0/24")])
    let after: String = try await list.run()
    #expect(try RouteReader.read(after).own == [PodRoute(podRange: IPv4Network("10.244.1.0/24")!, nextHop: IPv4Address("10.1.0.13")!)])
    #expect(after.contains("10.99.0.0/16 via 10.1.0.77"))
    try await Command("rm", "-r", "/tmp/\(namespace)").run()
  }
}
