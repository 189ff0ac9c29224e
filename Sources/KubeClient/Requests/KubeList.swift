import KubeModel

/// Every page of a list, as one moment of the store: pages after the first are served at the first one's revision.
public struct KubeList: Sendable {
  public var items: [KubeObject]
  /// Where a watch goes on from.
  public var resourceVersion: String

  public init(items: [KubeObject] = [], resourceVersion: String = "") {
    self.items = items
    self.resourceVersion = resourceVersion
  }
}
