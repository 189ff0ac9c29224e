import Primitives

extension FuzzTarget {
  /// What iproute2 prints.
  public static var podNetwork: [FuzzTarget] {
    let text: String =
      "10.244.2.0/24 via 10.1.0.12 dev eth0 proto 99\n10.1.0.0/24 dev eth0\nunreachable 10.9.0.0/16\n  nexthop via 10.1.0.2\n"
    return [
      .whole("ip-routes", corpus: [Bytes(text)], words: [" via ", " dev", "nexthop", "/", "\n", "proto"].map { Bytes($0) }) {
        try RouteReader.read($0.text)
      }
    ]
  }
}
