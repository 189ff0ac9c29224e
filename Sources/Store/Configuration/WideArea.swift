import Primitives
import SiteLink

/// How members treat what crosses between centers and cities. Each member decides for what it sends; they need not agree.
public struct WideArea: Sendable {
  /// Where a batch of entries that several members of one place need goes to one of them, which hands it to its neighbours.
  public enum Relay: String, Sendable, CaseIterable {
    /// To another center, and once per city where that is another one.
    case centers
    /// To another city only.
    case cities
    case never
  }
  public var relay: Relay = .centers
  /// Batches below so many bytes go to each member directly: they cost the link little, and the way over a neighbour takes longer.
  public var relayedFrom: Int = 4096
  /// Which links compress what they send.
  public var compression: LinkCompression = .far
  /// Bytes of snapshots per second and receiving member, by how far it is; 0: no such limit. Below it, snapshots give way to everything
  /// else by themselves.
  public var snapshotBytesPerSecond = BulkRates()

  public init() {}

  var linkLimits: LinkLimits {
    var limits = LinkLimits()
    limits.compression = compression
    limits.bulkBytesPerSecond = snapshotBytesPerSecond
    return limits
  }
}
