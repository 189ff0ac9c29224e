import Primitives

extension Lab {
  /// Where the network namespace of a host of the lab is mounted.
  public func networkNamespace(of host: HostName) -> String { "/run/netns/\(LabNetwork.namespace(host))" }

  /// The wide-area element's process; nil while there is none.
  public var wideAreaProcess: Int32? { processes.daemon("wan") }
}
