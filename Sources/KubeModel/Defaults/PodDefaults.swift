extension Defaults {
  /// A Pod: what its spec gets, and besides that links to services and requests from limits, which templates do not get.
  @Sendable static func pod(_ pod: inout JSONValue) {
    var spec: JSONValue = pod["spec"].isNull ? [:] : pod["spec"]
    podSpec(&spec)
    if spec["enableServiceLinks"].isNull { spec["enableServiceLinks"] = true }
    for list in ["initContainers", "containers"] {
      forEach(&spec, list) { container in
        for (name, limit) in container["resources"]["limits"].stringMap.sorted(by: { $0.key < $1.key })
        where container["resources"]["requests"][name].isNull {
          container["resources"]["requests"][name] = .string(limit)
        }
      }
    }
    pod["spec"] = spec
  }

  static func podSpec(_ spec: inout JSONValue) {
    let hostNetwork: Bool = spec["hostNetwork"].bool == true
    forEach(&spec, "initContainers") { container(&$0, hostNetwork) }
    forEach(&spec, "containers") { container(&$0, hostNetwork) }
    forEach(&spec, "ephemeralContainers") { container(&$0, hostNetwork) }
    forEach(&spec, "volumes", volume)
    set(&spec, "restartPolicy", "Always")
    set(&spec, "terminationGracePeriodSeconds", 30)
    set(&spec, "dnsPolicy", "ClusterFirst")
    if spec["securityContext"].isNull { spec["securityContext"] = [:] }
    set(&spec, "schedulerName", "default-scheduler")
    if let account: String = spec["serviceAccountName"].string, !account.isEmpty {
      spec["serviceAccount"] = .string(account)
    } else if let account: String = spec["serviceAccount"].string, !account.isEmpty {
      spec["serviceAccountName"] = .string(account)
    }
  }

  private static func container(_ container: inout JSONValue, _ hostNetwork: Bool) {
    if container["resources"].isNull { container["resources"] = [:] }
    set(&container, "terminationMessagePath", "/dev/termination-log")
    set(&container, "terminationMessagePolicy", "File")
    set(&container, "imagePullPolicy", .string(pullPolicy(image: container["image"].string ?? "")))
    forEach(&container, "ports") { port in
      set(&port, "protocol", "TCP")
      if hostNetwork, port["hostPort"].int ?? 0 == 0 { port["hostPort"] = port["containerPort"] }
    }
    forEach(&container, "env") { variable in
      ifPresent(&variable, "valueFrom") { source in ifPresent(&source, "fieldRef") { set(&$0, "apiVersion", "v1") } }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] { ifPresent(&container, name, probe) }
    ifPresent(&container, "lifecycle") { lifecycle in
      for hook in ["postStart", "preStop"] {
        ifPresent(&lifecycle, hook) { handler in ifPresent(&handler, "httpGet", httpGet) }
      }
    }
  }

  /// Always for the tag `latest` or none, IfNotPresent for any other tag or a digest.
  static func pullPolicy(image: String) -> String {
    if image.contains("@") { return "IfNotPresent" }
    let last: Substring = image.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    let tag: [Substring] = last.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    return tag.count < 2 || tag[1] == "latest" || tag[1].isEmpty ? "Always" : "IfNotPresent"
  }

  private static func probe(_ probe: inout JSONValue) {
    ifPresent(&probe, "httpGet", httpGet)
    ifPresent(&probe, "grpc") { if $0["service"].isNull { $0["service"] = "" } }
    for (field, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
      as [(String, Int64)]
    where probe[field].int ?? 0 == 0 {
      probe[field] = .int(value)
    }
  }

  private static func httpGet(_ action: inout JSONValue) {
    set(&action, "path", "/")
    set(&action, "scheme", "HTTP")
  }

  private static func volume(_ volume: inout JSONValue) {
    if (volume.object?.keys ?? []).allSatisfy({ $0 == "name" }) { volume["emptyDir"] = [:] }
    for source in ["configMap", "secret", "projected"] {
      ifPresent(&volume, source) { if $0["defaultMode"].isNull { $0["defaultMode"] = 0o644 } }
    }
    ifPresent(&volume, "hostPath") { if $0["type"].isNull { $0["type"] = "" } }
    func fieldReferences(_ source: inout JSONValue) {
      forEach(&source, "items") { item in ifPresent(&item, "fieldRef") { set(&$0, "apiVersion", "v1") } }
    }
    ifPresent(&volume, "downwardAPI") { source in
      if source["defaultMode"].isNull { source["defaultMode"] = 0o644 }
      fieldReferences(&source)
    }
    ifPresent(&volume, "projected") { projected in
      forEach(&projected, "sources") { source in
        ifPresent(&source, "serviceAccountToken") { if $0["expirationSeconds"].isNull { $0["expirationSeconds"] = 3600 } }
        ifPresent(&source, "downwardAPI", fieldReferences)
      }
    }
  }
}

/// The class that decides who is evicted first. https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
public enum QualityOfService {
  public static func of(_ spec: JSONValue) -> String {
    var any: Bool = false
    var guaranteed: Bool = true
    for container in spec["containers"].array + spec["initContainers"].array {
      let requests: JSONValue = container["resources"]["requests"]
      let limits: JSONValue = container["resources"]["limits"]
      for name in ["cpu", "memory"] {
        let request: Quantity? = Quantity(json: requests[name]).flatMap { $0.isZero ? nil : $0 }
        let limit: Quantity? = Quantity(json: limits[name]).flatMap { $0.isZero ? nil : $0 }
        if request != nil || limit != nil { any = true }
        if limit == nil || request.map({ $0 != limit }) ?? false { guaranteed = false }
      }
    }
    if !any { return "BestEffort" }
    return guaranteed ? "Guaranteed" : "Burstable"
  }
}
