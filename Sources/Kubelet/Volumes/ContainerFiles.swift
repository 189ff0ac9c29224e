import KubeModel
import Primitives

/// The mounts of one container: the pod's volumes, `/etc/hosts`, `/etc/hostname` where the sandbox's own is another, and the termination
/// message file.
struct ContainerFiles {
  var pod: KubeObject
  var directory: String
  var address: String
  var hostname: String
  var clusterDomain: String
  /// The sandbox was made under another name: its `/etc/hostname` is not the pod's.
  var ownsHostname: Bool = false

  static func terminationPath(_ directory: String, _ container: String, _ attempt: UInt32) -> String {
    "\(directory)/containers/\(container)/\(attempt)"
  }

  /// `environment`: the container's, for `subPathExpr`.
  func mounts(
    _ container: JSONValue, attempt: UInt32, volumes: [String: String], environment: [EnvironmentVariable] = []
  ) throws -> [ContainerMount] {
    var mounts: [ContainerMount] = []
    for mount in container["volumeMounts"].array {
      let name: String = mount["name"].string ?? ""
      guard let path: String = volumes[name] else {
        throw KubeletError(.badConfiguration, "The container mounts the volume '\(name)', which the pod does not have.")
      }
      var propagation: ContainerMount.Propagation = .none
      if mount["mountPropagation"].string == "HostToContainer" { propagation = .hostToContainer }
      if mount["mountPropagation"].string == "Bidirectional" { propagation = .bidirectional }
      mounts.append(
        ContainerMount(
          containerPath: mount["mountPath"].string ?? "", hostPath: try subPath(mount, in: path, environment),
          readOnly: mount["readOnly"].bool ?? false,
          propagation: propagation))
    }
    let taken: Set<String> = Set(mounts.map(\.containerPath))
    // On the host's network a pod sees the host's own file, unless it adds names to it.
    let onHost: Bool = pod.spec["hostNetwork"].bool ?? false
    if !taken.contains("/etc/hosts"), onHost ? !pod.spec["hostAliases"].array.isEmpty : !address.isEmpty {
      mounts.append(ContainerMount(containerPath: "/etc/hosts", hostPath: try hostsFile()))
    }
    if ownsHostname, !taken.contains("/etc/hostname") {
      try Files.makeDirectory(directory, mode: 0o750)
      try Files.write(Bytes("\(hostname)\n"), to: "\(directory)/etc-hostname", mode: 0o644)
      mounts.append(ContainerMount(containerPath: "/etc/hostname", hostPath: "\(directory)/etc-hostname"))
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

  private func subPath(_ mount: JSONValue, in path: String, _ environment: [EnvironmentVariable]) throws -> String {
    var wanted: String? = mount["subPath"].string
    if let expression: String = mount["subPathExpr"].string, !expression.isEmpty {
      var missing: String?
      wanted = Expansion.expand(expression) { name in
        let value: String? = environment.last { $0.name == name }?.value
        if value == nil { missing = name }
        return value
      }
      // Unlike in commands, a name that is not known is a mistake here: the path would have dollar signs in it.
      if let missing { throw KubeletError(.badConfiguration, "The subPathExpr '\(expression)' names \(missing), which is not set.") }
    }
    guard let sub: String = wanted, !sub.isEmpty else { return path }
    guard AtomicWriter.isSafe(sub) else {
      throw KubeletError(.badConfiguration, "The subPath '\(sub)' cannot be used: it must be relative and stay within the volume.")
    }
    let whole: String = "\(path)/\(sub)"
    if !Files.exists(whole) { try Files.makeDirectory(whole, mode: 0o777) }
    // Containers write into volumes: a symbolic link of theirs must not lead the next mount out of it (CVE-2017-1002101).
    guard let root: String = Files.resolved(path), let real: String = Files.resolved(whole), real == root || real.hasPrefix(root + "/")
    else { throw KubeletError(.badConfiguration, "The subPath '\(sub)' leads out of its volume.") }
    return real
  }

  /// k8s: hosts entries of pods, with `hostAliases`.
  private func hostsFile() throws -> String {
    var text: String = "# Kubernetes-managed hosts file.\n"
    let onHost: Bool = pod.spec["hostNetwork"].bool ?? false
    text +=
      onHost ? Files.read("/etc/hosts", limit: 1 << 20)?.text ?? "" : "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    if !text.hasSuffix("\n") { text += "\n" }
    let subdomain: String = pod.spec["subdomain"].string ?? ""
    let full: String = subdomain.isEmpty ? "" : "\(hostname).\(subdomain).\(pod.namespace).svc.\(clusterDomain)\t"
    if !onHost { text += "\(address)\t\(full)\(hostname)\n" }
    for alias in pod.spec["hostAliases"].array {
      text += "\(alias["ip"].string ?? "")\t\(alias["hostnames"].array.compactMap(\.string).joined(separator: "\t"))\n"
    }
    try Files.makeDirectory(directory, mode: 0o750)
    try Files.write(Bytes(text), to: "\(directory)/etc-hosts", mode: 0o644)
    return "\(directory)/etc-hosts"
  }
}
