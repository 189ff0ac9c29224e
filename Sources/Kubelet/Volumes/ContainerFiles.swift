import KubeModel
import Primitives

/// The mounts of one container: the pod's volumes, `/etc/hosts` and the termination message file.
struct ContainerFiles {
  var pod: KubeObject
  var directory: String
  var address: String
  var hostname: String
  var clusterDomain: String

  static func terminationPath(_ directory: String, _ container: String, _ attempt: UInt32) -> String {
    "\(directory)/containers/\(container)/\(attempt)"
  }

  func mounts(_ container: JSONValue, attempt: UInt32, volumes: [String: String]) throws -> [ContainerMount] {
    var mounts: [ContainerMount] = []
    for mount in container["volumeMounts"].array {
      let name: String = mount["name"].string ?? ""
      guard let path: String = volumes[name] else {
        throw KubeletError(.badConfiguration, "The container mounts the volume '\(name)', which the pod does not have.")
      }
      if mount["subPathExpr"].string != nil {
        throw KubeletError(.unsupported, "volumeMounts with subPathExpr are not supported by this kubelet; subPath is.")
      }
      var propagation: ContainerMount.Propagation = .none
      if mount["mountPropagation"].string == "HostToContainer" { propagation = .hostToContainer }
      if mount["mountPropagation"].string == "Bidirectional" { propagation = .bidirectional }
      mounts.append(
        ContainerMount(
          containerPath: mount["mountPath"].string ?? "", hostPath: try subPath(mount, in: path), readOnly: mount["readOnly"].bool ?? false,
          propagation: propagation))
    }
    let taken: Set<String> = Set(mounts.map(\.containerPath))
    if pod.spec["hostNetwork"].bool != true, !taken.contains("/etc/hosts"), !address.isEmpty {
      mounts.append(ContainerMount(containerPath: "/etc/hosts", hostPath: try hostsFile()))
    }
    let message: String = container["terminationMessagePath"].string ?? "/dev/termination-log"
    if message.hasPrefix("/"), !taken.contains(message) {
      let path: String = Self.terminationPath(directory, container["name"].string ?? "", attempt)
      try Files.makeDirectory(String(path[..<path.lastIndex(of: "/")!]), mode: 0o750)
      try Files.write([], to: path, mode: 0o666)
      mounts.append(ContainerMount(containerPath: message, hostPath: path))
    }
    return mounts
  }

  private func subPath(_ mount: JSONValue, in path: String) throws -> String {
    guard let sub: String = mount["subPath"].string, !sub.isEmpty else { return path }
    guard AtomicWriter.isSafe(sub) else {
      throw KubeletError(.badConfiguration, "The subPath '\(sub)' cannot be used: it must be relative and stay within the volume.")
    }
    let whole: String = "\(path)/\(sub)"
    if !Files.exists(whole) { try Files.makeDirectory(whole, mode: 0o777) }
    return whole
  }

  /// k8s: hosts entries of pods, with `hostAliases`.
  private func hostsFile() throws -> String {
    var text: String = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    let subdomain: String = pod.spec["subdomain"].string ?? ""
    let full: String = subdomain.isEmpty ? "" : "\(hostname).\(subdomain).\(pod.namespace).svc.\(clusterDomain)\t"
    text += "\(address)\t\(full)\(hostname)\n"
    for alias in pod.spec["hostAliases"].array {
      text += "\(alias["ip"].string ?? "")\t\(alias["hostnames"].array.compactMap(\.string).joined(separator: "\t"))\n"
    }
    try Files.makeDirectory(directory, mode: 0o750)
    try Files.write(Bytes(text), to: "\(directory)/etc-hosts", mode: 0o644)
    return "\(directory)/etc-hosts"
  }
}
