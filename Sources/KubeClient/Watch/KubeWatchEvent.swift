import KubeModel
import Primitives

/// `metav1.WatchEvent`.
public enum KubeWatchEvent: Sendable {
  case added(KubeObject)
  case modified(KubeObject)
  case deleted(KubeObject)
  /// Nothing happened up to this revision.
  case bookmark(resourceVersion: String)
  /// The watch is over; `.gone` asks for a new list.
  case error(KubeError)

  /// From one line of a watch.
  init(line: Bytes, resource: ResourceName, what: String) throws {
    let document: JSONValue
    do {
      document = try JSONValue.parse(line, maximumBytes: KubeClientLimits.eventBytes)
    } catch {
      throw KubeError(.malformedAnswer, "\(what): a watch event of \(line.count) bytes is no JSON.", cause: error)
    }
    var object = KubeObject(document["object"])
    if object.kind.isEmpty {
      object.kind = resource.kind
      object.apiVersion = resource.apiVersion
    }
    switch document["type"].string {
    case "ADDED": self = .added(object)
    case "MODIFIED": self = .modified(object)
    case "DELETED": self = .deleted(object)
    case "BOOKMARK": self = .bookmark(resourceVersion: object.resourceVersion)
    case "ERROR":
      self = .error(KubeError(status: Int(object["code"].int ?? 500), body: object.json, retryAfter: nil, what: what))
    default:
      throw KubeError(.malformedAnswer, "\(what): a watch event has the type \(document["type"]), which nobody knows.")
    }
  }
}
