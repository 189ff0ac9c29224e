import Primitives

/// What a Table's rows carry of their objects (`includeObject` parameter).
public enum TableInclude: String, Sendable {
  case none = "None"
  case metadata = "Metadata"
  case object = "Object"
}

/// meta.k8s.io/v1 Table: what kubectl asks for and prints.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
extension ResourceDefinition {
  /// - Parameters:
  ///   - now: ages are counted from here.
  ///   - metadata: the list's metadata (resourceVersion, continue, remainingItemCount); for one object its resourceVersion.
  public func table(
    objects: [KubeObject], now: WallTime, include: TableInclude = .metadata, noHeaders: Bool = false, metadata: JSONValue = [:]
  ) -> JSONValue {
    var table: JSONValue = ["kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata]
    table["columnDefinitions"] = noHeaders ? [] : columnDefinitions
    table["rows"] = .array(objects.map { tableRow($0, now: now, include: include) })
    return table
  }

  public var columnDefinitions: JSONValue {
    .array(
      columns.map { column in
        [
          "name": .string(column.name), "type": .string(column.type), "format": .string(column.format),
          "description": .string(column.description), "priority": .int(Int64(column.priority)),
        ]
      })
  }

  /// One row: also what a watch in Table form sends per event, within a Table of its own.
  public func tableRow(_ object: KubeObject, now: WallTime, include: TableInclude) -> JSONValue {
    var row: JSONValue = ["cells": .array(columns.map { $0.cell(object, now) })]
    if name.resource == "pods", ["Succeeded", "Failed"].contains(object.status["phase"].string) {
      let succeeded: Bool = object.status["phase"] == "Succeeded"
      row["conditions"] = [
        [
          "type": "Completed", "status": "True", "reason": .string(succeeded ? "Succeeded" : "Failed"),
          "message": .string(succeeded ? "The pod has completed successfully." : "The pod failed."),
        ]
      ]
    }
    switch include {
    case .none: break
    case .metadata:
      row["object"] = ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.metadata]
    case .object: row["object"] = object.json
    }
    return row
  }
}
