import KubeModel
import Primitives

extension Admission {
  static let immortalNamespaces: Set<String> = ["default", "kube-system", "kube-public", activationNamespace]

  /// The namespace must be there and stay as it was looked at until the write is committed: a create that races a namespace's deletion
  /// through another apiserver loses.
  func liveNamespace(_ resource: Resource, _ object: KubeObject) async throws -> StoredObject {
    let namespaces: Resource = catalog.namespaces
    let path: Bytes = Bytes(object.namespace)
    var found: StoredObject? = namespaces.hub.object(path)
    if found == nil || found?.fields["status.phase"] == "Terminating" { found = try await storage.get(namespaces, path) }
    guard let found else { throw KubeStatus.notFound(namespaces.name, name: object.namespace) }
    guard found.fields["status.phase"] != "Terminating" else {
      let refusal: KubeStatus = .forbidden(
        resource.name, name: object.name,
        "unable to create new content in namespace \(object.namespace) because it is being terminated")
      var details: JSONValue = refusal.details
      details["causes"] = [
        [
          "reason": "NamespaceTerminating", "message": .string("namespace \(object.namespace) is being terminated"),
          "field": "metadata.namespace",
        ]
      ]
      throw KubeStatus(code: refusal.code, reason: refusal.reason, message: refusal.message, details: details)
    }
    return found
  }

  /// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#automatic-labelling
  func labelNamespace(_ object: inout KubeObject) {
    object.json["metadata"]["labels"]["kubernetes.io/metadata.name"] = .string(object.name)
  }
}
