/// Labels that tie sandboxes and containers to their pods: after a restart of the kubelet they are all it has to find them again.
/// The names are those of the upstream kubelet, so that `crictl` and log collectors read them.
public enum PodLabels {
  public static let podName = "io.kubernetes.pod.name"
  public static let podNamespace = "io.kubernetes.pod.namespace"
  public static let podUID = "io.kubernetes.pod.uid"
  public static let containerName = "io.kubernetes.container.name"
  /// Annotations of containers.
  public static let restartCount = "io.kubernetes.container.restartCount"
  public static let terminationMessagePath = "io.kubernetes.container.terminationMessagePath"
  /// The image as the Pod wrote it: what the runtime reports may be a digest.
  public static let image = "tricenter.io/image"
  /// Annotation of sandboxes: `true` where a fence does not stop the pod.
  public static let hot = "tricenter.io/hot"
  /// Annotation of sandboxes that were made before their pod: which pods they fit (`SandboxTemplate`).
  public static let prepared = "tricenter.io/prepared"
}
