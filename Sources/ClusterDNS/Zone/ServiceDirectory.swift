import KubeClient
import KubeModel

/// Where answers come from: Services and EndpointSlices as they are now.
public protocol ServiceDirectory: Sendable {
  func service(namespace: String, name: String) -> KubeObject?
  func hasNamespace(_ namespace: String) -> Bool
  func slices(namespace: String, service: String) -> [KubeObject]
  func service(clusterIP: String) -> KubeObject?
}

/// The directory that informers keep. No table is built: a question looks up what it is about.
public final class InformerDirectory: ServiceDirectory {
  private let services: Informer
  private let endpointSlices: Informer
  private static let clusterIPs = InformerIndex("clusterIP") {
    $0.spec["clusterIPs"].array.compactMap(\.string) + [$0.spec["clusterIP"].string ?? ""]
  }
  private static let serviceOfSlice = InformerIndex("service") { slice in
    slice.labels["kubernetes.io/service-name"].map { ["\(slice.namespace)/\($0)"] } ?? []
  }

  public init(_ informers: SharedInformers) {
    services = informers.informer(.services, indexes: [.namespace, Self.clusterIPs])
    endpointSlices = informers.informer(.endpointSlices, indexes: [Self.serviceOfSlice])
  }

  public var hasSynced: Bool { services.hasSynced && endpointSlices.hasSynced }
  public func service(namespace: String, name: String) -> KubeObject? { services.cache.get(namespace: namespace, name: name) }
  public func hasNamespace(_ namespace: String) -> Bool { !services.cache.inNamespace(namespace).isEmpty }
  public func slices(namespace: String, service: String) -> [KubeObject] {
    endpointSlices.cache.indexed(Self.serviceOfSlice, "\(namespace)/\(service)")
  }
  public func service(clusterIP: String) -> KubeObject? { services.cache.indexed(Self.clusterIPs, clusterIP).first }
}
