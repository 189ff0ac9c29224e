import KubeModel
import Primitives

/// Looks up what environments and volumes refer to. Nil for an object that is not there.
public protocol ReferenceSource: Sendable {
  func configMap(_ namespace: String, _ name: String) async throws -> KubeObject?
  func secret(_ namespace: String, _ name: String) async throws -> KubeObject?
}

/// A container's environment: Service variables, then `envFrom`, then `env`, later ones winning and seeing earlier ones in `$(NAME)`.
/// Source: k8s EnvVar, EnvFromSource v1 core.
public struct EnvironmentBuilder: Sendable {
  public var fields: FieldReference
  public var resources: ResourceReference
  public var services: [KubeObject]
  public var references: any ReferenceSource

  public init(fields: FieldReference, resources: ResourceReference, services: [KubeObject], references: any ReferenceSource) {
    self.fields = fields
    self.resources = resources
    self.services = services
    self.references = references
  }

  /// Throws `.badConfiguration` naming the reference that leads nowhere.
  public func build(_ container: JSONValue) async throws -> [EnvironmentVariable] {
    let namespace: String = fields.pod.namespace
    var order: [String] = []
    var values: [String: String] = [:]
    func set(_ name: String, _ value: String) {
      if values.updateValue(value, forKey: name) == nil { order.append(name) }
    }
    let links: Bool = fields.pod.spec["enableServiceLinks"].bool ?? true
    for variable in ServiceEnvironment.variables(services: services, namespace: namespace, links: links) {
      set(variable.name, variable.value)
    }
    for source in container["envFrom"].array {
      let prefix: String = source["prefix"].string ?? ""
      for (key, value) in try await all(of: source, namespace) { set(prefix + key, value) }
    }
    for variable in container["env"].array {
      let name: String = variable["name"].string ?? ""
      if variable["valueFrom"].object != nil {
        guard let value: String = try await value(from: variable["valueFrom"], container, namespace) else { continue }
        set(name, value)
      } else {
        set(name, Expansion.expand(variable["value"].string ?? "") { values[$0] })
      }
    }
    return order.map { EnvironmentVariable($0, values[$0] ?? "") }
  }

  private func all(of source: JSONValue, _ namespace: String) async throws -> [(String, String)] {
    if source["configMapRef"].object != nil {
      guard let map: KubeObject = try await object("ConfigMap", source["configMapRef"], namespace) else { return [] }
      return map["data"].stringMap.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
    guard let secret: KubeObject = try await object("Secret", source["secretRef"], namespace) else { return [] }
    return try secret["data"].stringMap.sorted { $0.key < $1.key }.map {
      ($0.key, try SecretData.decode($0.value, key: $0.key, of: secret).text)
    }
  }

  private func value(from source: JSONValue, _ container: JSONValue, _ namespace: String) async throws -> String? {
    if let path: String = source["fieldRef"]["fieldPath"].string { return try fields.value(path) }
    if source["resourceFieldRef"].object != nil {
      // Another container of the pod may be named.
      let other: JSONValue? = source["resourceFieldRef"]["containerName"].string.flatMap { name in
        (fields.pod.spec["containers"].array + fields.pod.spec["initContainers"].array).first { $0["name"].string == name }
      }
      return try resources.value(source["resourceFieldRef"], container: other ?? container)
    }
    for (kind, reference) in [("ConfigMap", source["configMapKeyRef"]), ("Secret", source["secretKeyRef"])] where reference.object != nil {
      guard let found: KubeObject = try await object(kind, reference, namespace) else { return nil }
      let key: String = reference["key"].string ?? ""
      guard let value: String = found["data"].stringMap[key] else {
        if reference["optional"].bool == true { return nil }
        throw KubeletError(.badConfiguration, "couldn't find key \(key) in \(kind) \(namespace)/\(found.name)")
      }
      return kind == "Secret" ? try SecretData.decode(value, key: key, of: found).text : value
    }
    throw KubeletError(
      .badConfiguration, "An environment variable's valueFrom has none of fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef.")
  }

  private func object(_ kind: String, _ reference: JSONValue, _ namespace: String) async throws -> KubeObject? {
    let name: String = reference["name"].string ?? ""
    let found: KubeObject? =
      kind == "Secret" ? try await references.secret(namespace, name) : try await references.configMap(namespace, name)
    if found == nil, reference["optional"].bool != true {
      throw KubeletError(.badConfiguration, "\(kind.lowercased()) \"\(name)\" not found")
    }
    return found
  }
}
