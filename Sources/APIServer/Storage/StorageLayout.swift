import KubeModel
import Primitives

/// Where objects lie in the keyspace: `PREFIX/registry/pods/shop/web`, `PREFIX/registry/apps/deployments/shop/web`,
/// `PREFIX/registry/nodes/prod-1`. Values are the objects' JSON without `metadata.resourceVersion`, which is the key's mod revision.
struct StorageLayout: Sendable {
  /// Ends with a slash.
  let root: String

  init(prefix: String) {
    let trimmed: String = prefix.split(separator: "/").joined(separator: "/")
    root = trimmed.isEmpty ? "/registry/" : "/\(trimmed)/registry/"
  }

  /// The folder of a resource, with a slash at its end.
  func folder(group: String, resource: String) -> String {
    group.isEmpty ? "\(root)\(resource)/" : "\(root)\(group)/\(resource)/"
  }

  /// Inside the folder: `shop/web`, or `prod-1` for objects of the cluster.
  static func path(namespace: String, name: String) -> String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

  // Reservations: a key that exists belongs to the object named in its value. Written in the transaction that writes the object,
  // so they are unique over all apiservers of the cluster without anybody keeping a map.
  func serviceAddress(_ address: String) -> Bytes { Bytes("\(root)reservations/service-addresses/\(address)") }
  func nodePort(_ port: Int64) -> Bytes { nodePortFolder + Bytes(String(port)) }
  var nodePortFolder: Bytes { Bytes("\(root)reservations/node-ports/") }
  /// Apiservers that live, by address, each under its own lease; kube-apiserver has its own there, too.
  var apiServers: Bytes { Bytes("\(root)masterleases/") }
  func podRange(_ range: String) -> Bytes { Bytes("\(root)reservations/pod-ranges/\(range)") }
}
