import KubeModel
import Primitives
import Processes
import Testing

@testable import ServiceProxy

/// The kernel's part of the fence with nobody there to help it: rules and a lease are written once, then no process of ours runs any
/// more, as if all of a host were stopped (SIGSTOP).
@Suite(.serialized) struct FenceKernelTests {
  static let possible: Bool =
    KernelTests.possible && findProgram("busybox") != nil && findProgram("nsenter") != nil && findProgram("ip") != nil

  /// Pods 2 and 3 are exclusive, 4 and 5 hot. Says who reaches whom: `2>3` both pods, `h` the host, `o` a neighbour behind it.
  static let pods: String = """
    ip link add tricenter0 type bridge; ip addr add 10.171.1.1/24 dev tricenter0; ip link set tricenter0 up
    echo 1 > /proc/sys/net/ipv4/ip_forward
    if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables; fi
    neighbour() {
      unshare --net sleep 60 & pid=$!
      for i in 1 2 3 4 5 6 7 8 9 10; do [ /proc/$pid/ns/net -ef /proc/$$/ns/net ] || break; sleep 0.1; done
      ip link add v$1 type veth peer name e$1 netns $pid; ip link set v$1 up
      nsenter --net=/proc/$pid/ns/net sh -ec "ip link set lo up; ip link set e$1 up; ip addr add $2 dev e$1; ip route add default via $3"
      eval "pid$1=$pid"
    }
    for n in 2 3 4 5; do neighbour $n 10.171.1.$n/24 10.171.1.1; ip link set v$n master tricenter0; done
    neighbour o 10.9.0.2/24 10.9.0.1; ip addr add 10.9.0.1/24 dev vo
    ask() { nsenter --net=/proc/$1/ns/net busybox ping -c 1 -W 1 $2 > /dev/null && echo "$4 $3 yes" || echo "$4 $3 no"; }
    all() {
      asked=""
      for pair in "$pid2 10.171.1.3 2>3" "$pid4 10.171.1.5 4>5" "$pid2 10.171.1.4 2>4" "$pid2 10.171.1.1 2>h" "$pid4 10.171.1.1 4>h" \\
        "$$ 10.171.1.3 h>3" "$$ 10.171.1.5 h>5" "$$ 10.171.1.1 h>h" "$pido 10.171.1.2 o>2" "$pido 10.171.1.4 o>4"; do
        ask $pair $1 & asked="$asked $!"
      done
      wait $asked
    }
    """

  static func host(bridge: Bool) -> RuleSet {
    .build(
      [],
      host: RuleSet.Host(podCIDR: "10.171.1.0/24", unfencedPods: ["10.171.1.4", "10.171.1.5"], isFenced: true, fencesBridge: bridge))
  }

  static func run(bridge: Bool) async throws -> Set<String> {
    let lease: String = LeaseTimer.script(.renew(milliseconds: 4_000), bridge: bridge)
    let said: String = try await KernelTests.inNamespace(
      """
      \(pods)
      nft -f $1; nft -f $2; all alive; sleep 4; all frozen
      kill $pid2 $pid3 $pid4 $pid5 $pido
      """, [host(bridge: bridge).replacing(), lease])
    return Set(said.split(separator: "\n").map(String.init))
  }

  static let everybody: [String] = ["2>3", "4>5", "2>4", "2>h", "4>h", "h>3", "h>5", "h>h", "o>2", "o>4"]
  static let spared: Set<String> = ["4>5", "4>h", "h>5", "h>h", "o>4"]

  @Test(.enabled(if: possible, "needs root, nft, network namespaces and busybox"))
  func `with everything stopped the kernel ends all traffic of exclusive pods, over the bridge and with their host too`() async throws {
    let probe: String = try await KernelTests.inNamespace("nft -f $1 && echo yes || echo no", [RuleSet.bridgeProbe])
    let filtersBridges: Bool = probe.contains("yes")
    let said: Set<String> = try await Self.run(bridge: filtersBridges)
    for pair in Self.everybody {
      #expect(said.contains("alive \(pair) yes"), "\(pair) while the lease lives: \(said.sorted())")
      if pair == "2>3" || pair == "2>4", !filtersBridges { continue }
      #expect(said.contains("frozen \(pair) \(Self.spared.contains(pair) ? "yes" : "no")"), "\(pair) after it: \(said.sorted())")
    }
  }

  /// Pods 2 and 3 are exclusive; 3 is of a namespace that is placed apart. First only the lease of all others lives, then only its own.
  @Test(.enabled(if: possible, "needs root, nft, network namespaces and busybox"))
  func `pods of a namespace placed apart pass by their own lease and by no other`() async throws {
    let probe: String = try await KernelTests.inNamespace("nft -f $1 && echo yes || echo no", [RuleSet.bridgeProbe])
    let bridge: Bool = probe.contains("yes")
    var host = RuleSet.Host(podCIDR: "10.171.1.0/24", unfencedPods: ["10.171.1.4", "10.171.1.5"], isFenced: true, fencesBridge: bridge)
    host.apartPods = ["10.171.1.3"]
    let text: String = try await KernelTests.inNamespace(
      """
      \(Self.pods)
      nft -f $1; nft -f $2; all others; nft -f $3; all own
      kill $pid2 $pid3 $pid4 $pid5 $pido
      """,
      [
        RuleSet.build([], host: host).replacing(), LeaseTimer.script(.renew(milliseconds: 30_000), bridge: bridge),
        LeaseTimer.script(.remove, bridge: bridge) + LeaseTimer.script(.renew(milliseconds: 30_000), bridge: bridge, pods: ["10.171.1.3"]),
      ])
    let said: Set<String> = Set(text.split(separator: "\n").map(String.init))
    for (phase, open) in [("others", ["2>h", "2>4", "o>2", "o>4", "h>5"]), ("own", ["h>3", "o>4", "h>5"])] {
      for pair in ["2>h", "h>3", "o>2", "o>4", "h>5"] + (bridge ? ["2>3", "2>4"] : []) {
        #expect(said.contains("\(phase) \(pair) \(open.contains(pair) ? "yes" : "no")"), "\(phase) \(pair): \(said.sorted())")
      }
    }
  }

  /// What the bridge's own table is for, where the kernel does not hand bridged packets to the IP hooks (br_netfilter).
  @Test(.enabled(if: possible, "needs root, nft, network namespaces and busybox"))
  func `without the bridge's table pods of one host reach each other past the fence`() async throws {
    let said: Set<String> = try await Self.run(bridge: false)
    #expect(said.contains("frozen 2>3 yes"), "\(said.sorted())")
    #expect(said.contains("frozen h>3 no"), "\(said.sorted())")
  }
}
