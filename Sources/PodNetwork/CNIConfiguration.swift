import KubeModel
import Primitives

/// What containerd's CRI reads from its `conf_dir`: the bridge plugin with a gateway address on the bridge and host-local
/// address management, no masquerading, so that pods of all hosts see each other's own addresses.
/// Source: CNI specification 1.0.0, https://www.cni.dev/plugins/current/main/bridge/, …/ipam/host-local/.
public struct CNIConfiguration: Sendable, Equatable {
  /// Names the network in host-local's and libcni's files; unique per host, since lab hosts share one file system.
  public var networkName: String
  public var bridge: String
  public var podRange: IPv4Network
  /// Bytes; 0 leaves it to the kernel.
  public var mtu: Int
  /// Where host-local keeps a file per address given out.
  public var addressDirectory: String

  /// Throws `.badRange` for a range below /29 or a bridge name that the kernel would not take.
  public init(
    networkName: String, bridge: String = "tricenter0", podRange: IPv4Network, mtu: Int = 0, addressDirectory: String
  ) throws {
    guard podRange.prefixLength <= 29, podRange.prefixLength >= 8 else {
      throw PodNetworkError(
        .badRange,
        "The pod range \(podRange) of \(networkName) cannot be used: it needs a prefix length of 8 to 29 (a host usually has a /24).")
    }
    guard !bridge.isEmpty, bridge.utf8.count <= PodNetworkLimits.interfaceNameBytes, !bridge.contains("/") else {
      throw PodNetworkError(
        .badRange,
        "The bridge name '\(bridge)' cannot be used: an interface name has 1 to \(PodNetworkLimits.interfaceNameBytes) bytes and no slash.")
    }
    self.networkName = networkName
    self.bridge = bridge
    self.podRange = podRange
    self.mtu = mtu
    self.addressDirectory = addressDirectory
  }

  /// File name within the `conf_dir`; containerd takes the first in order of names.
  public static let fileName = "10-tricenter.conflist"

  /// The configuration list. `hairpinMode`: a pod that calls its own Service and is chosen gets its packets back.
  public var json: JSONValue {
    var bridgePlugin: JSONValue = [
      "type": "bridge",
      "bridge": .string(bridge),
      "isGateway": true,
      "ipMasq": false,
      "hairpinMode": true,
      "ipam": [
        "type": "host-local",
        "ranges": [[["subnet": .string(podRange.description), "gateway": .string(podRange.gateway.description)]]],
        "routes": [["dst": "0.0.0.0/0"]],
        "dataDir": .string(addressDirectory),
      ],
    ]
    if mtu > 0 { bridgePlugin["mtu"] = .int(Int64(mtu)) }
    // Does nothing for pods without host ports; for others it needs iptables, which Debian's package of the plugins brings along.
    let portPlugin: JSONValue = ["type": "portmap", "capabilities": ["portMappings": true], "snat": true]
    return ["cniVersion": "0.4.0", "name": .string(networkName), "plugins": [bridgePlugin, portPlugin]]
  }

  /// A few settings and no text from outside needs escaping beyond JSON's quotes and backslashes.
  public var text: String { Self.write(json) + "\n" }

  private static func write(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let bool): bool ? "true" : "false"
    case .int(let int): String(int)
    case .double(let double): "\(double)"
    case .string(let string): quote(string)
    case .array(let array): "[" + array.map(write).joined(separator: ",") + "]"
    case .object(let object): "{" + object.members.map { quote($0.key) + ":" + write($0.value) }.joined(separator: ",") + "}"
    }
  }
  private static func quote(_ text: String) -> String {
    "\"" + text.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : String($1) } + "\""
  }
}
