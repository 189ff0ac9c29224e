import Primitives

extension ResourceDefinition {
  /// - Throws: `badSelector` if the kind does not offer one of the selector's fields.
  public func check(_ selector: FieldSelector) throws(KubeModelError) {
    for term in selector.terms where !isSelectable(term.field) {
      throw KubeModelError(.badSelector, "field label not supported: \(term.field)")
    }
  }

  public func isSelectable(_ field: String) -> Bool {
    field == "metadata.name" || field == "metadata.namespace" && name.namespaced || selectableFields.contains { $0.name == field }
  }

  /// A field's text for selectors; empty if it is absent.
  public func fieldValue(_ object: KubeObject, _ field: String) -> String {
    if field == "metadata.name" { return object.name }
    if field == "metadata.namespace" { return object.namespace }
    guard let selectable: SelectableField = selectableFields.first(where: { $0.name == field }) else { return "" }
    return Self.text(object.json[path: selectable.path]) ?? selectable.absent
  }

  private static func text(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text): text
    case .int(let number): String(number)
    case .bool(let flag): flag ? "true" : "false"
    default: nil
    }
  }

  public func matches(_ object: KubeObject, labels: LabelSelector, fields: FieldSelector) -> Bool {
    (labels.selectsEverything || labels.matches(object.labels)) && fields.matches { fieldValue(object, $0) }
  }

  /// The same on an object's bytes, without a tree.
  public func matches(_ bytes: UnsafeRawBufferPointer, labels: LabelSelector, fields: FieldSelector) -> Bool {
    if labels.selectsEverything, fields.terms.isEmpty { return true }
    let scan = JSONScan(bytes)
    if !labels.selectsEverything, !labels.matches(scan.stringMap("metadata", "labels")) { return false }
    return fields.matches { field in
      let selectable: SelectableField = selectableFields.first { $0.name == field } ?? SelectableField(field)
      guard let range: Range<Int> = scan.range(selectable.path) else { return selectable.absent }
      return scan.text(range) ?? String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }
  }

  public func matches(_ bytes: Bytes, labels: LabelSelector, fields: FieldSelector) -> Bool {
    bytes.withUnsafeBytes { matches($0, labels: labels, fields: fields) }
  }
}
