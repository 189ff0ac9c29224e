import KubeModel
import Primitives

extension ReadinessRule {
  static let standby = ReadinessRule(name: "standby", purpose: "every host of the center has a ready node that obeys the activation") {
    facts, subject in
    let nodes: [KubeObject] = facts.nodes(of: subject.center)
    let weight: Finding.Weight = subject.needsFullStandby ? .blocking : .warning
    func finding(_ name: String, _ measured: String, _ limit: String, _ cure: String) -> Finding {
      Finding(rule: "standby", weight: weight, center: subject.center, object: "Node/\(name)", measured: measured, limit: limit, cure: cure)
    }
    return (facts.hosts[subject.center] ?? []).compactMap { host in
      guard let node: KubeObject = nodes.first(where: { $0.name == host.value }) else {
        return finding(host.value, "is not registered", "a ready node", "start tricenter node on \(host)")
      }
      guard Capacity.isReady(node) else { return finding(host.value, "is not ready", "Ready", "kubectl describe node \(host)") }
      guard let taint: JSONValue = Fencing.fencedTaint(node) else { return nil }
      return finding(
        host.value, "is fenced since epoch \(taint["value"].string ?? "?")", "not fenced: its agent has reported that it obeys",
        "it reports by itself once its kubelet runs and reaches an apiserver; look at tricenter node on \(host)")
    }
  }

  static let images = ReadinessRule(name: "images", purpose: "every image that the pods need is on the center's nodes") { facts, subject in
    let pods: [KubeObject] = facts.carriedPods(in: subject.center).filter { WorkloadTier($0).keepsImages }
    let needed: Set<String> = Set(
      pods.flatMap { ($0.spec["initContainers"].array + $0.spec["containers"].array).compactMap { $0["image"].string } })
    return facts.readyNodes(of: subject.center).compactMap { node in
      let images: [JSONValue] = node.status["images"].array
      let runtime: String = node.status["nodeInfo"]["containerRuntimeVersion"].string ?? ""
      // Simulated pods need none; a node that tells as many as it may tell has others that it does not tell.
      guard !runtime.hasPrefix("simulated"), !images.isEmpty, images.count < ReadinessLimits.toldImages else { return nil }
      let there: Set<String> = Set(images.flatMap { $0["names"].array.compactMap(\.string).map(ImageText.full) })
      let missing: [String] = needed.filter { !there.contains(ImageText.full($0)) }.sorted()
      guard !missing.isEmpty else { return nil }
      let shown: String = missing.prefix(5).joined(separator: ", ") + (missing.count > 5 ? " and \(missing.count - 5) more" : "")
      return Finding(
        rule: "images", weight: subject.calmWeight, center: subject.center, object: "Node/\(node.name)",
        measured: "\(missing.count) of \(needed.count) images are missing: \(shown)", limit: "all of them",
        cure: "pull them there: crictl pull, or ctr -n k8s.io images import where no registry is reached")
    }
  }

  /// The two centers' nodes are alike: what ran there runs here.
  static let drift = ReadinessRule(name: "drift", purpose: "the center's nodes are set up as the active center's are") { facts, subject in
    guard let active: CenterName = facts.active, active != subject.center else { return [] }
    let (own, theirs): ([KubeObject], [KubeObject]) = (facts.readyNodes(of: subject.center), facts.nodes(of: active))
    guard !own.isEmpty, !theirs.isEmpty else { return [] }
    var found: [Finding] = []
    func compare(_ what: String, _ cure: String, _ value: (KubeObject) -> String?) {
      let known: Set<String> = Set(theirs.compactMap(value))
      guard !known.isEmpty else { return }
      for node in own where !known.contains(value(node) ?? "") {
        guard found.count < FederationLimits.findingsPerRule else { return }
        found.append(
          Finding(
            rule: "drift", weight: .warning, center: subject.center, object: "Node/\(node.name)",
            measured: "\(what) \(value(node) ?? "unknown")", limit: "\(known.sorted().joined(separator: " or ")), as in \(active)",
            cure: cure))
      }
    }
    for (what, field) in [
      ("kubelet", "kubeletVersion"), ("runtime", "containerRuntimeVersion"), ("system", "osImage"), ("architecture", "architecture"),
    ] {
      compare(what, "upgrade whichever is older") { $0.status["nodeInfo"][field].string }
    }
    compare("labels", "kubectl label node: pods choose nodes by them") { node in
      let ours: [String] = ["kubernetes.io/hostname", "topology.kubernetes.io/", "federation.tricenter.io/"]
      let own: String = node.labels.filter { label in !ours.contains { label.key.hasPrefix($0) } }.map { "\($0.key)=\($0.value)" }.sorted()
        .joined(separator: ",")
      return own.isEmpty ? "none" : own
    }
    for resource in ["cpu", "memory", "pods"] {
      func offered(_ nodes: [KubeObject]) -> Int64 {
        nodes.reduce(0) { $0 + (Quantity(json: $1.status["allocatable"][resource])?.milliValue ?? 0) / 1_000 }
      }
      let (here, there): (Int64, Int64) = (offered(own), offered(theirs.filter { Capacity.isReady($0) }))
      guard there > 0, here * 100 < there * ReadinessLimits.allocatablePerCent else { continue }
      found.append(
        Finding(
          rule: "drift", weight: .warning, center: subject.center, object: "Center/\(subject.center)",
          measured: "its ready nodes offer \(here) of \(resource)",
          limit: "\(ReadinessLimits.allocatablePerCent) % of \(active)'s \(there)",
          cure: "add nodes, or accept that there is less room"))
    }
    return found
  }
}

/// One image's name in full, so that two spellings of it compare equal: `nginx` is `docker.io/library/nginx:latest`.
enum ImageText {
  static func full(_ name: String) -> String {
    if name.hasPrefix("sha256:") { return name }
    let parts: [Substring] = name.split(separator: "/", maxSplits: 1)
    let isPlace: Bool = parts.count == 2 && (parts[0].contains(".") || parts[0].contains(":") || parts[0] == "localhost")
    var full: String = isPlace ? name : parts.count == 2 ? "docker.io/\(name)" : "docker.io/library/\(name)"
    if !full.contains("@"), !(full.split(separator: "/").last?.contains(":") ?? false) { full += ":latest" }
    return full
  }
}
