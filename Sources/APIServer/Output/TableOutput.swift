import KubeModel
import Primitives

/// Objects as rows. The only answers that need an object's tree on the way out.
struct TableOutput: Sendable {
  let resource: Resource
  let include: TableInclude
  var now: WallTime

  init(resource: Resource, includeObject: String?, now: WallTime) {
    self.resource = resource
    include = TableInclude(rawValue: includeObject ?? "") ?? .metadata
    self.now = now
  }

  func document(rows: [StoredObject], metadata: JSONValue, withColumns: Bool) throws -> JSONValue {
    document(objects: try rows.map { try $0.object() }, metadata: metadata, withColumns: withColumns)
  }

  func document(objects: [KubeObject], metadata: JSONValue, withColumns: Bool) -> JSONValue {
    resource.definition.table(objects: objects, now: now, include: include, noHeaders: !withColumns, metadata: metadata)
  }
}
