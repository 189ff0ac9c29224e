import KubeModel

/// The query of a list, a watch or a deletecollection.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
struct ListOptions: Sendable {
  enum Match: String, Sendable { case exact = "Exact", notOlderThan = "NotOlderThan" }

  var filter: WatchFilter
  /// Nil: not given, the newest state by quorum. 0: whatever is at hand.
  var resourceVersion: Int64?
  var match: Match?
  /// 0: no limit.
  var limit: Int64
  var continueToken: String?
  var timeoutSeconds: Int64?
  var allowBookmarks: Bool
  var sendInitialEvents: Bool?

  init(_ info: RequestInfo, definition: ResourceDefinition, limits: APIServerLimits) throws {
    let query: QueryParameters = info.query
    filter = WatchFilter(namespace: definition.name.namespaced ? info.namespace : "")
    if let text: String = query["labelSelector"] {
      guard text.utf8.count <= limits.selectorBytes else {
        throw KubeStatus.badRequest("labelSelector is longer than \(limits.selectorBytes) bytes")
      }
      do { filter.labels = try LabelSelector.parse(text) } catch {
        throw KubeStatus.badRequest("unable to parse requirement: \(error.message)")
      }
      if filter.labels?.selectsEverything == true { filter.labels = nil }
    }
    var terms: [FieldSelector.Term] = []
    if let text: String = query["fieldSelector"] {
      guard text.utf8.count <= limits.selectorBytes else {
        throw KubeStatus.badRequest("fieldSelector is longer than \(limits.selectorBytes) bytes")
      }
      do { terms = try FieldSelector.parse(text).terms } catch { throw KubeStatus.badRequest(error.message) }
      if let unknown: FieldSelector.Term = terms.first(where: { !definition.isSelectable($0.field) }) {
        throw KubeStatus.badRequest("field label not supported: \(unknown.field)")
      }
    }
    // A watch on a path with a name is one on that object alone.
    if !info.name.isEmpty { terms.append(FieldSelector.Term(field: "metadata.name", value: info.name)) }
    if !terms.isEmpty { filter.fields = FieldSelector(terms) }

    if let text: String = query["resourceVersion"] {
      guard let version = Int64(text), version >= 0 else {
        throw KubeStatus.badRequest(
          "resourceVersion: Invalid value: \"\(text)\": it must be a whole number, as read from an object or a list")
      }
      resourceVersion = version
    } else {
      resourceVersion = nil
    }
    if let text: String = query["resourceVersionMatch"] {
      guard let known = Match(rawValue: text) else {
        throw KubeStatus.badRequest(
          "resourceVersionMatch: Unsupported value: \"\(text)\": supported values: \"Exact\", \"NotOlderThan\"")
      }
      match = known
    } else {
      match = nil
    }
    limit = max(0, try query.integer("limit") ?? 0)
    continueToken = query["continue"]
    timeoutSeconds = try query.integer("timeoutSeconds")
    allowBookmarks = query.flag("allowWatchBookmarks")
    sendInitialEvents = query.has("sendInitialEvents") ? query.flag("sendInitialEvents") : nil
    try checkCombination(isWatch: info.verb == "watch")
  }

  /// What Kubernetes refuses (`ValidateListOptions`).
  private func checkCombination(isWatch: Bool) throws {
    func refuse(_ field: String, _ why: String) -> KubeStatus {
      KubeStatus.forbiddenOption("ListOptions", field, why)
    }
    if isWatch {
      if sendInitialEvents != nil, match != .notOlderThan {
        throw refuse("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
      }
      if sendInitialEvents == nil, match != nil {
        throw refuse("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
      }
      return
    }
    if sendInitialEvents != nil { throw refuse("sendInitialEvents", "sendInitialEvents is forbidden for list") }
    if match != nil, resourceVersion == nil {
      throw refuse("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")
    }
    if match != nil, continueToken != nil {
      throw refuse("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
    }
    if match == .exact, resourceVersion == 0 {
      throw refuse("resourceVersionMatch", "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"")
    }
    if continueToken != nil, let resourceVersion, resourceVersion != 0 {
      throw KubeStatus.badRequest("specifying resource version is not allowed when using continue")
    }
  }
}
