import KubeModel

/// Which objects a list or a watch is about.
struct WatchFilter: Sendable {
  /// Empty: all namespaces.
  var namespace: String = ""
  var labels: LabelSelector?
  var fields: FieldSelector?

  var isEverything: Bool { namespace.isEmpty && labels == nil && fields == nil }
  var hasSelectors: Bool { labels != nil || fields != nil }

  func matches(_ object: StoredObject) -> Bool {
    if !namespace.isEmpty, object.namespace != namespace { return false }
    if let labels, !labels.matches(object.labels) { return false }
    if let fields, !fields.matches({ object.fields[$0] ?? "" }) { return false }
    return true
  }

  /// What a watcher with this filter is told of a change: an object that enters the selection was added, one that leaves it was
  /// deleted (told with its last selected state at the change's revision), whatever the store did.
  /// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
  func view(_ entry: WatchEntry) -> (WatchEntry.Kind, StoredObject)? {
    switch entry.kind {
    case .added: return matches(entry.object) ? (.added, entry.object) : nil
    case .deleted: return matches(entry.object) ? (.deleted, entry.object) : nil
    case .modified:
      let isIn: Bool = matches(entry.object)
      guard let previous: StoredObject = entry.previous else { return isIn ? (.added, entry.object) : nil }
      let wasIn: Bool = matches(previous)
      if isIn { return (wasIn ? .modified : .added, entry.object) }
      return wasIn ? (.deleted, StoredObject(previous, at: entry.object.revision)) : nil
    }
  }

  /// Whether `view` would tell anything, without making anything.
  func concerns(_ entry: WatchEntry) -> Bool {
    matches(entry.object) || (entry.kind == .modified && entry.previous.map { matches($0) } ?? false)
  }
}
