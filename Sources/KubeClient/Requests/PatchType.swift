/// The four patches of the API: https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
public enum PatchType: Hashable, Sendable {
  /// RFC 6902.
  case json
  /// RFC 7386.
  case merge
  /// By the schema's merge keys.
  case strategic
  /// Server-side apply under the client's field manager. `force` takes fields over from other managers.
  case apply(force: Bool)

  var contentType: String {
    switch self {
    case .json: "application/json-patch+json"
    case .merge: "application/merge-patch+json"
    case .strategic: "application/strategic-merge-patch+json"
    case .apply: "application/apply-patch+yaml"  // JSON is YAML
    }
  }
}
