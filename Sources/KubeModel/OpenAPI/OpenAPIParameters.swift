/// The query parameters of operations, in our own words.
enum OpenAPIParameters {
  struct Parameter {
    let name: String
    let type: String
    let text: String
    init(_ name: String, _ type: String, _ text: String) {
      self.name = name
      self.type = type
      self.text = text
    }
  }

  static func names(_ action: String) -> [Parameter] {
    switch action {
    case "list": list
    case "post", "put": [dryRun, fieldManager, fieldValidation]
    case "patch": [dryRun, fieldManager, fieldValidation, force]
    case "delete": [dryRun] + deletion
    case "deletecollection": [dryRun] + deletion + list.filter { $0.name != "watch" && $0.name != "allowWatchBookmarks" }
    default: []
    }
  }

  private static let dryRun = Parameter("dryRun", "string", "All: the request goes through every stage, and nothing is stored.")
  private static let fieldManager = Parameter(
    "fieldManager", "string", "Name of who makes the change, at most 128 printable characters. Required for apply.")
  private static let fieldValidation = Parameter(
    "fieldValidation", "string",
    "What happens to fields that the kind does not have, and to fields that are given twice. Ignore: they are dropped. Warn (default): they are dropped and named in warning headers. Strict: the request fails with 400."
  )
  private static let force = Parameter(
    "force", "boolean", "Apply only: take fields that belong to other managers instead of failing with 409.")
  private static let deletion: [Parameter] = [
    Parameter("gracePeriodSeconds", "integer", "Seconds until the object goes; 0 at once; absent: the kind's own."),
    Parameter("orphanDependents", "boolean", "Deprecated: see propagationPolicy."),
    Parameter("propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."),
  ]
  private static let list: [Parameter] = [
    Parameter("allowWatchBookmarks", "boolean", "A watch also sends bookmarks, which say how far it is."),
    Parameter("continue", "string", "Where a former page ended."),
    Parameter("fieldSelector", "string", "Only objects whose fields have these values."),
    Parameter("labelSelector", "string", "Only objects whose labels match."),
    Parameter("limit", "integer", "At most so many objects; the answer says where to go on."),
    Parameter("resourceVersion", "string", "How old the answer may be; for a watch, where it begins."),
    Parameter("resourceVersionMatch", "string", "Exact or NotOlderThan."),
    Parameter("sendInitialEvents", "boolean", "A watch begins with the objects that there are, and then sends a bookmark."),
    Parameter("timeoutSeconds", "integer", "The request ends after so long, however busy it is."),
    Parameter("watch", "boolean", "Send changes as they happen."),
  ]
}
