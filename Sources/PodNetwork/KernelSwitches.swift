/// What the kernel must be told before it forwards pods' packets.
/// Source: https://docs.kernel.org/networking/ip-sysctl.html
public enum KernelSwitches {
  /// Paths below `/proc/sys`, all of them belonging to the network namespace.
  /// `rp_filter` 2 (loose): a pod's packet may come in by another link than the answer leaves by while routes turn after a failover.
  public static let wanted: [(name: String, value: String)] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "2"),
    ("net/ipv4/conf/default/rp_filter", "2"),
  ]
}
