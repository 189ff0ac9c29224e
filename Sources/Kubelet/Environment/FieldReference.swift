import KubeModel
import Primitives

/// What a pod may learn of itself: `fieldRef` in env and in downwardAPI volumes.
/// Source: https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
public struct FieldReference: Sendable {
  public var pod: KubeObject
  public var nodeName: String
  public var hostAddress: String
  public var podAddress: String
  public init(pod: KubeObject, nodeName: String, hostAddress: String, podAddress: String) {
    self.pod = pod
    self.nodeName = nodeName
    self.hostAddress = hostAddress
    self.podAddress = podAddress
  }

  /// Throws `.badConfiguration` for a path that is not one of those documented.
  public func value(_ path: String) throws -> String {
    switch path {
    case "metadata.name": return pod.name
    case "metadata.namespace": return pod.namespace
    case "metadata.uid": return pod.uid
    case "metadata.labels": return Self.lines(pod.labels)
    case "metadata.annotations": return Self.lines(pod.annotations)
    case "spec.nodeName": return pod.spec["nodeName"].string ?? nodeName
    case "spec.serviceAccountName": return pod.spec["serviceAccountName"].string ?? "default"
    case "status.hostIP", "status.hostIPs": return hostAddress
    case "status.podIP", "status.podIPs": return podAddress
    default: break
    }
    for (prefix, map) in [("metadata.labels", pod.labels), ("metadata.annotations", pod.annotations)] {
      guard path.hasPrefix(prefix + "["), path.hasSuffix("]") else { continue }
      let key: Substring = path.dropFirst(prefix.count + 1).dropLast()
      guard key.count >= 2, let quote: Character = key.first, quote == "'" || quote == "\"", key.last == quote else { continue }
      return map[String(key.dropFirst().dropLast())] ?? ""
    }
    throw KubeletError(
      .badConfiguration,
      "The field path '\(path)' cannot be used; metadata.name, .namespace, .uid, .labels, .annotations, spec.nodeName, spec.serviceAccountName, status.hostIP and status.podIP can."
    )
  }

  /// As files of a downwardAPI volume show maps: `key="escaped value"` per line, in the order of keys.
  private static func lines(_ map: [String: String]) -> String {
    map.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.debugDescription)" }.joined(separator: "\n")
  }
}

/// `resourceFieldRef`: a container's requests and limits, with what the host has where no limit is set.
public struct ResourceReference: Sendable {
  public var hostMilliCPU: Int64
  public var hostMemoryBytes: Int64
  public init(hostMilliCPU: Int64, hostMemoryBytes: Int64) {
    self.hostMilliCPU = hostMilliCPU
    self.hostMemoryBytes = hostMemoryBytes
  }

  /// Divided by the divisor ("1" by default) and rounded up to a whole number.
  public func value(_ reference: JSONValue, container: JSONValue) throws -> String {
    let resource: String = reference["resource"].string ?? ""
    let parts: [Substring] = resource.split(separator: ".", maxSplits: 1)
    guard parts.count == 2, parts[0] == "limits" || parts[0] == "requests" else {
      throw KubeletError(.badConfiguration, "The resource '\(resource)' cannot be used: it begins with limits. or requests.")
    }
    let kind = String(parts[1])
    let resources: JSONValue = container["resources"]
    var found: Quantity? = Quantity(json: resources[String(parts[0])][kind])
    if found == nil, parts[0] == "requests" { found = Quantity(json: resources["limits"][kind]) }
    let fallback: Quantity = kind == "cpu" ? Quantity(milli: hostMilliCPU) : kind == "memory" ? Quantity(hostMemoryBytes) : .zero
    let amount: Quantity = found ?? (parts[0] == "limits" ? fallback : .zero)
    let divisor: Quantity = Quantity(json: reference["divisor"]) ?? .zero
    let by: Int64 = divisor.isZero ? 1_000 : max(1, divisor.milliValue)
    return String((amount.milliValue &+ by - 1) / by)
  }
}
