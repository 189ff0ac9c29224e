import Primitives

extension Lab {
  /// Where the network namespace of a host of the lab is mounted.
  public func networkNamespace(of host: HostName) -> String { "/run/netns/\(LabNetwork.namespace(host))" }

  /// The namespace between all places, with the wide-area element's device.
  public static let wideAreaName: String = LabNetwork.wideArea
}
