import KubeModel
import Primitives

/// What must exist before anybody comes: namespaces, and the Service by which pods find the API. Every apiserver of the cluster makes
/// what is missing; that another was faster is no error.
struct Bootstrap: Sendable {
  static let namespaces: [String] = ["default", "kube-system", "kube-public", "kube-node-lease", "tricenter-system"]

  let handlers: Handlers
  var configuration: APIServerConfiguration { handlers.configuration }
  private var user: UserInfo { UserInfo(name: "system:apiserver", groups: ["system:masters"]) }

  func run() async throws {
    for name in Self.namespaces {
      try await create(handlers.catalog.namespaces, ["kind": "Namespace", "apiVersion": "v1", "metadata": ["name": .string(name)]])
    }
    try await handlers.synchronize(handlers.catalog.namespaces)
    try await create(handlers.catalog.services, kubernetesService())
  }

  private func kubernetesService() -> JSONValue {
    let port: JSONValue = ["name": "https", "protocol": "TCP", "port": 443, "targetPort": .int(configuration.advertisePort)]
    return [
      "kind": "Service", "apiVersion": "v1",
      "metadata": [
        "name": "kubernetes", "namespace": "default", "labels": ["component": "apiserver", "provider": "kubernetes"],
      ],
      "spec": [
        "type": "ClusterIP", "clusterIP": .string(IPv4Range.text(configuration.serviceRange.first + 1)), "ports": [port],
      ],
    ]
  }

  private func create(_ resource: Resource, _ json: JSONValue) async throws {
    var object = KubeObject(json)
    let path = resource.path(namespace: object.namespace, name: object.name)
    guard try await handlers.storage.get(resource, path) == nil else { return }
    resource.definition.applyDefaults(&object)
    do {
      _ = try await handlers.insert(resource, object, .bootstrap, user: user)
    } catch let error as KubeStatus where error.reason == "AlreadyExists" {
      return
    }
  }
}
