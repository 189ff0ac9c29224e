import KubeModel

/// The value of `pod-template-hash`: equal for equal templates, and that is all that is asked of it. Kubernetes hashes Go's dump of
/// its types; ours is FNV-1a over the canonical JSON, in the same alphabet. Existing ReplicaSets are found by comparing templates,
/// never by the hash, so ReplicaSets that Kubernetes made keep working.
enum TemplateHash {
  static let label: String = "pod-template-hash"

  static func of(_ template: JSONValue, collisionCount: Int64?) -> String {
    var hash: UInt32 = 2_166_136_261
    func mix(_ byte: UInt8) { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    for byte in canonical(template).serialized() { mix(byte) }
    if let collisionCount { for byte in String(collisionCount).utf8 { mix(byte) } }
    return GeneratedNames.safeEncoded(String(hash))
  }

  /// Members in order of their names, without nulls and the hash label.
  static func canonical(_ template: JSONValue) -> JSONValue {
    var template: JSONValue = sorted(template)
    template["metadata"]["labels"][label] = .null
    if template["metadata"]["labels"].object?.isEmpty == true { template["metadata"]["labels"] = .null }
    if template["metadata"].object?.isEmpty == true { template["metadata"] = .null }
    return template
  }

  static func isEqual(_ left: JSONValue, _ right: JSONValue) -> Bool { canonical(left) == canonical(right) }

  private static func sorted(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let object):
      .object(
        JSONObject(object.members.filter { !$0.value.isNull }.sorted { $0.key < $1.key }.map { ($0.key, sorted($0.value)) }))
    case .array(let array): .array(array.map { sorted($0) })
    default: value
    }
  }
}
