extension ResourceDefinition {
  /// The values of all fields that a selector may name, read from an object's bytes once, so that a thousand selectors can be asked
  /// without looking at the bytes again. Without `metadata.name` and `metadata.namespace`, which the object's key says.
  public func selectableValues(_ bytes: UnsafeRawBufferPointer) -> [String: String] {
    let scan = JSONScan(bytes)
    var values: [String: String] = [:]
    for field in selectableFields {
      guard let range: Range<Int> = scan.range(field.path) else {
        values[field.name] = field.absent
        continue
      }
      values[field.name] = scan.text(range) ?? String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }
    return values
  }
}
