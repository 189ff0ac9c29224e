import KubeModel
import Primitives

/// Turns ConfigMaps, Secrets and downward API items into the files of a volume.
/// Source: k8s ConfigMapVolumeSource, SecretVolumeSource, DownwardAPIVolumeSource, ProjectedVolumeSource v1 core.
struct VolumePayload {
  var fields: FieldReference
  var resources: ResourceReference
  var references: any ReferenceSource

  /// Files are 0644 unless `defaultMode` or an item's `mode` says otherwise (k8s default).
  static let defaultMode: UInt32 = 0o644

  func files(configMap source: JSONValue, mode: UInt32, nameField: String = "name") async throws -> [AtomicWriter.File] {
    let name: String = source[nameField].string ?? ""
    guard let map: KubeObject = try await references.configMap(fields.pod.namespace, name) else {
      return try missing("configmap", name, source)
    }
    var content: [String: Bytes] = map["data"].stringMap.mapValues { Bytes($0) }
    for (key, value) in map["binaryData"].stringMap { content[key] = try SecretData.decode(value, key: key, of: map) }
    return try select(content, source, mode: mode, what: "ConfigMap \(map.key)")
  }

  func files(secret source: JSONValue, mode: UInt32, nameField: String = "secretName") async throws -> [AtomicWriter.File] {
    let name: String = source[nameField].string ?? ""
    guard let secret: KubeObject = try await references.secret(fields.pod.namespace, name) else {
      return try missing("secret", name, source)
    }
    // Only what is asked for is decoded: one broken key does not take the others with it.
    let wanted: Set<String> = Set(source["items"].array.compactMap { $0["key"].string })
    var content: [String: Bytes] = [:]
    for (key, value) in secret["data"].stringMap where wanted.isEmpty || wanted.contains(key) {
      content[key] = try SecretData.decode(value, key: key, of: secret)
    }
    return try select(content, source, mode: mode, what: "Secret \(secret.key)")
  }

  func files(downwardAPI source: JSONValue, mode: UInt32) throws -> [AtomicWriter.File] {
    try source["items"].array.map { item in
      let text: String
      if let path: String = item["fieldRef"]["fieldPath"].string {
        text = try fields.value(path)
      } else {
        let name: String = item["resourceFieldRef"]["containerName"].string ?? ""
        let container: JSONValue = fields.pod.spec["containers"].array.first { $0["name"].string == name } ?? .null
        text = try resources.value(item["resourceFieldRef"], container: container)
      }
      return AtomicWriter.File(path: item["path"].string ?? "", bytes: Bytes(text), mode: item["mode"].int.map { UInt32($0) } ?? mode)
    }
  }

  func files(projected source: JSONValue, mode: UInt32) async throws -> [AtomicWriter.File] {
    var byPath: [String: AtomicWriter.File] = [:]
    for part in source["sources"].array {
      var files: [AtomicWriter.File] = []
      if part["configMap"].object != nil { files = try await self.files(configMap: part["configMap"], mode: mode) }
      if part["secret"].object != nil { files = try await self.files(secret: part["secret"], mode: mode, nameField: "name") }
      if part["downwardAPI"].object != nil { files = try self.files(downwardAPI: part["downwardAPI"], mode: mode) }
      for refused in ["serviceAccountToken", "clusterTrustBundle", "podCertificate"] where part[refused].object != nil {
        throw KubeletError(.unsupported, "Projected volumes with \(refused) are not supported by this kubelet.")
      }
      for file in files { byPath[file.path] = file }
    }
    return byPath.values.sorted { $0.path < $1.path }
  }

  private func missing(_ kind: String, _ name: String, _ source: JSONValue) throws -> [AtomicWriter.File] {
    if source["optional"].bool == true { return [] }
    throw KubeletError(.badConfiguration, "\(kind) \"\(name)\" not found")
  }

  private func select(_ content: [String: Bytes], _ source: JSONValue, mode: UInt32, what: String) throws -> [AtomicWriter.File] {
    let total: Int = content.values.reduce(0) { $0 + $1.count }
    guard total <= KubeletLimits.volumeBytes else {
      throw KubeletError(
        .badConfiguration, "\(what) has \(total) bytes, more than the \(KubeletLimits.volumeBytes) that a volume may hold.")
    }
    guard !source["items"].array.isEmpty else {
      return content.sorted { $0.key < $1.key }.map { AtomicWriter.File(path: $0.key, bytes: $0.value, mode: mode) }
    }
    return try source["items"].array.compactMap { item in
      let key: String = item["key"].string ?? ""
      guard let bytes: Bytes = content[key] else {
        if source["optional"].bool == true { return nil }
        throw KubeletError(.badConfiguration, "\(what) has no key '\(key)'")
      }
      return AtomicWriter.File(path: item["path"].string ?? key, bytes: bytes, mode: item["mode"].int.map { UInt32($0) } ?? mode)
    }
  }
}
