import Primitives

extension Patches {
  /// Strategic merge patch: as a merge patch, but lists whose field names a merge key merge by it, and directives (`$patch`,
  /// `$retainKeys`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…`) say the rest.
  /// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
  public static func strategic(_ patch: JSONValue, to object: JSONValue, type: ValueType) throws(KubeModelError) -> JSONValue {
    guard case .object(let changes) = patch else { throw KubeModelError(.badPatch, "a strategic merge patch must be a JSON object") }
    return .object(try StrategicMerge.map(changes, into: object.object ?? JSONObject(), type))
  }
}

private enum StrategicMerge {
  static let directive: String = "$patch"
  static let retainKeys: String = "$retainKeys"
  static let deletePrefix: String = "$deleteFromPrimitiveList/"
  static let orderPrefix: String = "$setElementOrder/"

  static func map(_ patch: JSONObject, into original: JSONObject, _ type: ValueType?) throws(KubeModelError) -> JSONObject {
    var patch: JSONObject = patch
    if let directive: JSONValue = patch[directive] {
      patch[Self.directive] = JSONValue?.none
      switch directive.string {
      case "replace": return try map(patch, into: JSONObject(), type)
      case "delete": return JSONObject()
      case "merge": break
      default: throw KubeModelError(.badPatch, "Unknown patch type found: \(directive.serialized().text)")
      }
    }
    var result: JSONObject = original
    if let kept: JSONValue = patch[retainKeys] {
      patch[retainKeys] = JSONValue?.none
      let names: Set<String> = Set(kept.array.compactMap(\.string))
      for member in patch.members where !member.value.isNull && !member.key.hasPrefix("$") && !names.contains(member.key) {
        throw KubeModelError(.badPatch, "\(retainKeys) does not name the field \"\(member.key)\", which the patch sets")
      }
      result.members.removeAll { !names.contains($0.key) }
    }
    try order(&patch, &result, type)
    for member in patch.members {
      if member.key.hasPrefix(deletePrefix) {
        let name = String(member.key.dropFirst(deletePrefix.count))
        let unwanted: [JSONValue] = member.value.array
        if let list: JSONValue = result[name] { result[name] = .some(.array(list.array.filter { !unwanted.contains($0) })) }
        continue
      }
      guard !member.value.isNull else {
        result[member.key] = JSONValue?.none
        continue
      }
      let (field, inner) = lookUp(member.key, type)
      result[member.key] = .some(try value(member.value, into: result[member.key], field, inner))
    }
    return result
  }

  /// The field of a type and the type of its value; a map's members all have one type and no strategy.
  private static func lookUp(_ name: String, _ type: ValueType?) -> (SchemaField?, ValueType?) {
    switch type {
    case .object(let id):
      let field: SchemaField? = SchemaTable.shared[id].field(name)
      return (field, field?.type)
    case .map(let value): return (nil, value)
    default: return (nil, nil)
    }
  }

  private static func value(_ patch: JSONValue, into original: JSONValue?, _ field: SchemaField?, _ type: ValueType?) throws(KubeModelError)
    -> JSONValue
  {
    switch patch {
    case .object(let changes): return .object(try map(changes, into: original?.object ?? JSONObject(), type))
    case .array(let changes):
      guard let strategy: PatchStrategy = field?.patch, strategy.merge else { return .array(try plain(changes, type)) }
      return .array(try list(changes, into: original?.array ?? [], strategy, element(type), order: changes))
    default: return patch
    }
  }

  static func element(_ type: ValueType?) -> ValueType? {
    if case .list(let element) = type { element } else { nil }
  }

  /// A list that replaces: its elements without directives and nulls.
  private static func plain(_ elements: [JSONValue], _ type: ValueType?) throws(KubeModelError) -> [JSONValue] {
    var result: [JSONValue] = []
    for element in elements {
      if case .object(let object) = element {
        result.append(.object(try map(object, into: JSONObject(), Self.element(type))))
      } else {
        result.append(element)
      }
    }
    return result
  }

  /// `$setElementOrder/FIELD`: the list's merge is done here, and its elements come out in that order, those that only the server
  /// has keeping their place among them.
  private static func order(_ patch: inout JSONObject, _ result: inout JSONObject, _ type: ValueType?) throws(KubeModelError) {
    for member in patch.members where member.key.hasPrefix(orderPrefix) {
      patch[member.key] = JSONValue?.none
      let name = String(member.key.dropFirst(orderPrefix.count))
      let (field, fieldType) = lookUp(name, type)
      let original: [JSONValue]? = result[name].map(\.array)
      let changes: JSONValue? = patch[name]
      guard changes?.isNull != true, original != nil || changes != nil, let strategy: PatchStrategy = field?.patch, strategy.merge else {
        continue
      }
      patch[name] = JSONValue?.none
      result[name] = .some(
        .array(try list(changes?.array ?? [], into: original ?? [], strategy, element(fieldType), order: member.value.array)))
    }
  }

  private static func list(
    _ patch: [JSONValue], into original: [JSONValue], _ strategy: PatchStrategy, _ type: ValueType?, order: [JSONValue]
  ) throws(KubeModelError) -> [JSONValue] {
    guard let key: String = strategy.mergeKey else {
      var merged: [JSONValue] = []
      for element in original + patch where !merged.contains(element) { merged.append(element) }
      return arranged(merged, order: order, original: original) { $0 == $1 }
    }
    var merged: [JSONValue] = original
    var replaced: Bool = false
    var additions: [JSONObject] = []
    for element in patch {
      guard case .object(let object) = element else {
        throw KubeModelError(.badPatch, "expected an object in a list that merges by \"\(key)\", found \(element.serialized().text)")
      }
      switch object[directive]?.string {
      case nil: additions.append(object)
      case "replace": replaced = true
      case "delete":
        guard let name: JSONValue = object[key] else { throw keyMissing(key, element) }
        merged.removeAll { $0[key] == name }
      case "merge": throw KubeModelError(.badPatch, "merging lists cannot yet be specified in the patch")
      case let other?: throw KubeModelError(.badPatch, "Unknown patch type found: \(other)")
      }
    }
    if replaced { merged = [] }
    for addition in additions {
      guard let name: JSONValue = addition[key] else { throw keyMissing(key, .object(addition)) }
      if let place: Int = merged.firstIndex(where: { $0[key] == name }) {
        merged[place] = .object(try map(addition, into: merged[place].object ?? JSONObject(), type))
      } else {
        merged.append(.object(try map(addition, into: JSONObject(), type)))
      }
    }
    return arranged(merged, order: order, original: original) { $0[key] == $1[key] }
  }

  private static func keyMissing(_ key: String, _ element: JSONValue) -> KubeModelError {
    KubeModelError(.badPatch, "map: \(element.serialized().text) does not contain declared merge key: \(key)")
  }

  /// Elements named by the patch in the patch's order; the server's own between them where its order puts them, otherwise after.
  private static func arranged(
    _ merged: [JSONValue], order: [JSONValue], original: [JSONValue], _ same: (JSONValue, JSONValue) -> Bool
  ) -> [JSONValue] {
    func place(_ element: JSONValue, _ list: [JSONValue]) -> Int? { list.firstIndex { same($0, element) } }
    var named: [(Int, JSONValue)] = []
    var others: [JSONValue] = []
    for element in merged {
      if let place: Int = place(element, order) { named.append((place, element)) } else { others.append(element) }
    }
    named.sort { $0.0 < $1.0 }
    var result: [JSONValue] = []
    var next: Int = 0
    for (_, element) in named {
      if let right: Int = place(element, original) {
        while next < others.count, let left: Int = place(others[next], original), left < right {
          result.append(others[next])
          next += 1
        }
      }
      result.append(element)
    }
    return result + others[next...]
  }
}
