/// A center that an activation has just left. The slices name it until the new center's controllers have come to them, and those of the
/// Service `kubernetes` until the keys of its API servers have run out.
public struct Departure: Hashable, Sendable {
  public var center: String
  /// Its hosts' addresses: endpoints that are no pods (API servers) have no zone.
  public var hosts: Set<String>
  public init(center: String, hosts: Set<String>) {
    self.center = center
    self.hosts = hosts
  }
}
