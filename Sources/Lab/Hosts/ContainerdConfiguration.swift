/// containerd 1.6's configuration for one host of the lab (containerd `docs/cri/config.md`). The host's mount namespace has `/run` and
/// `/var/lib` for itself, so the ordinary paths are the host's own.
enum ContainerdConfiguration {
  static let socket = "/run/containerd/containerd.sock"

  static func text(sandboxImage: String, networkConfiguration: String, restrictOOMScore: Bool) -> String {
    """
    version = 2
    root = "/var/lib/containerd"
    state = "/run/containerd"
    oom_score = 0
    disabled_plugins = ["io.containerd.grpc.v1.introspection", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
      "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
      "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

    [grpc]
      address = "\(socket)"

    [plugins."io.containerd.grpc.v1.cri"]
      sandbox_image = "\(sandboxImage)"
      restrict_oom_score_adj = \(restrictOOMScore)
      disable_apparmor = true
      [plugins."io.containerd.grpc.v1.cri".containerd]
        snapshotter = "overlayfs"
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
          runtime_type = "io.containerd.runc.v2"
          [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
            SystemdCgroup = false
      [plugins."io.containerd.grpc.v1.cri".cni]
        bin_dir = "/usr/lib/cni"
        conf_dir = "\(networkConfiguration)"

    """
  }
}
