import KubeModel

/// A port of the host that leads to a container (k8s: ContainerPort v1 core, `hostPort`).
public struct HostPort: Hashable, Sendable {
  public enum TransportProtocol: String, Hashable, Sendable { case tcp = "TCP", udp = "UDP", sctp = "SCTP" }
  public var transport: TransportProtocol
  public var containerPort: Int32
  public var hostPort: Int32
  /// Empty: all of the host's addresses.
  public var hostAddress: String

  /// Of a pod with a network of its own these are mapped by the CNI plugin `portmap`; on the host's network they are simply listened on.
  public static func of(_ spec: JSONValue) -> [HostPort] {
    (spec["initContainers"].array.filter { $0["restartPolicy"] == "Always" } + spec["containers"].array).flatMap { $0["ports"].array }
      .compactMap { port in
        guard let number: Int64 = port["hostPort"].int, number > 0 else { return nil }
        return HostPort(
          transport: TransportProtocol(rawValue: port["protocol"].string ?? "TCP") ?? .tcp,
          containerPort: Int32(truncatingIfNeeded: port["containerPort"].int ?? number), hostPort: Int32(truncatingIfNeeded: number),
          hostAddress: port["hostIP"].string ?? "")
      }
  }

  public func collides(with other: HostPort) -> Bool {
    func isAny(_ address: String) -> Bool { address.isEmpty || address == "0.0.0.0" || address == "::" }
    return transport == other.transport && hostPort == other.hostPort
      && (hostAddress == other.hostAddress || isAny(hostAddress) || isAny(other.hostAddress))
  }
}
