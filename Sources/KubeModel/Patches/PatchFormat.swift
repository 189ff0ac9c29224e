import Primitives

extension KubeModelError.Code {
  /// A patch that is not of its format, or that does not fit the object.
  public static let badPatch = Self("badPatch")
  /// A JSON patch's `test` failed: the caller's view is old.
  public static let patchTestFailed = Self("patchTestFailed")
}

/// The media types of PATCH requests.
public enum PatchFormat: String, Sendable, CaseIterable {
  case json = "application/json-patch+json"
  case merge = "application/merge-patch+json"
  case strategic = "application/strategic-merge-patch+json"
  case apply = "application/apply-patch+yaml"
}

/// Patches of all formats but apply, which needs to know who owns what: see `ServerSideApply`.
public enum Patches {
  /// - Parameters:
  ///   - type: the object's type: strategic merge takes merge keys from it. Other formats ignore it.
  /// - Throws: `badPatch` or `patchTestFailed`, with a sentence for the Status.
  public static func apply(_ format: PatchFormat, _ patch: JSONValue, to object: JSONValue, type: ValueType) throws(KubeModelError)
    -> JSONValue
  {
    switch format {
    case .json: return try json(patch, to: object)
    case .merge: return try merge(patch, to: object)
    case .strategic: return try strategic(patch, to: object, type: type)
    case .apply: throw KubeModelError(.badPatch, "an apply patch needs a field manager; it goes through ServerSideApply")
    }
  }

  /// JSON merge patch (RFC 7386): null removes, objects merge, anything else replaces.
  /// - Throws: `badPatch` if the patch is not an object.
  public static func merge(_ patch: JSONValue, to object: JSONValue) throws(KubeModelError) -> JSONValue {
    guard case .object = patch else { throw KubeModelError(.badPatch, "a merge patch must be a JSON object") }
    return merged(patch, object)
  }

  private static func merged(_ patch: JSONValue, _ target: JSONValue) -> JSONValue {
    guard case .object(let changes) = patch else { return patch }
    var result: JSONObject = target.object ?? JSONObject()
    for change in changes.members {
      result[change.key] = change.value.isNull ? JSONValue?.none : .some(merged(change.value, result[change.key] ?? .null))
    }
    return .object(result)
  }
}
