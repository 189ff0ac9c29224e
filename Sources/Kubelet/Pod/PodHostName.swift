import KubeModel

/// What a pod is called inside (k8s: PodSpec v1 core, `hostname`, `subdomain`, `setHostnameAsFQDN`, `hostnameOverride`).
struct PodHostName {
  var pod: KubeObject
  var clusterDomain: String

  /// The kernel's limit on a host name (`__NEW_UTS_LEN`).
  static let longest: Int = 64

  var short: String { String((pod.spec["hostname"].string ?? pod.name).prefix(63)) }
  /// The name that the DNS serves for it; nil without a subdomain.
  var full: String? {
    guard let subdomain: String = pod.spec["subdomain"].string, !subdomain.isEmpty else { return nil }
    return "\(short).\(subdomain).\(pod.namespace).svc.\(clusterDomain)"
  }
  /// What `hostname` says in its containers.
  var inside: String {
    if let other: String = pod.spec["hostnameOverride"].string, !other.isEmpty { return other }
    return pod.spec["setHostnameAsFQDN"].bool == true ? full ?? short : short
  }
}
