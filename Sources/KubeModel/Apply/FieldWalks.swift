/// The walks over a value along its shape that apply is made of.
extension FieldShape {
  /// The paths that a value sets.
  func fields(of value: JSONValue) -> FieldSet {
    guard fits(value) else { return .member }
    var set = FieldSet()
    switch (form, value) {
    case (.fields, .object(let object)), (.keys, .object(let object)):
      let named: Bool = if case .fields = form { true } else { false }
      for member in object.members {
        guard let shape: FieldShape = self.member(member.key) else { continue }
        var child: FieldSet = shape.fields(of: member.value)
        if !named || member.value.object?.isEmpty ?? false { child.isMember = true }
        set.attach(.field(member.key), child)
      }
    case (_, .array(let elements)):
      for one in elements {
        guard let name: PathElement = element(one) else { continue }
        var child: FieldSet = elementShape.fields(of: one)
        child.isMember = true
        set.attach(name, child)
      }
    default: break
    }
    return set
  }

  /// The value that comes of applying `applied` on `live`: the applied one wins, whatever it does not mention stays.
  func merge(_ live: JSONValue, _ applied: JSONValue) -> JSONValue {
    guard fits(live), fits(applied) else { return applied }
    switch (live, applied) {
    case (.object(var result), .object(let changes)):
      for change in changes.members {
        guard let present: JSONValue = result[change.key], let shape: FieldShape = member(change.key) else {
          result[change.key] = .some(change.value)
          continue
        }
        result[change.key] = .some(shape.merge(present, change.value))
      }
      return .object(result)
    case (.array(let left), .array(let right)): return .array(merge(left, right))
    default: return applied
    }
  }

  /// The applied elements in their order, the live ones that it does not mention at the place where they stood.
  private func merge(_ left: [JSONValue], _ right: [JSONValue]) -> [JSONValue] {
    let leftNames: [PathElement] = left.compactMap(element)
    let rightNames: [PathElement] = right.compactMap(element)
    let leftPlaces: [PathElement: Int] = Dictionary(zip(leftNames, left.indices), uniquingKeysWith: { first, _ in first })
    let wanted: Set<PathElement> = Set(rightNames)
    var emitted: Set<PathElement> = []
    var result: [JSONValue] = []
    var next: Int = 0
    func emit() {
      let name: PathElement = rightNames[next]
      result.append(leftPlaces[name].map { elementShape.merge(left[$0], right[next]) } ?? right[next])
      emitted.insert(name)
      next += 1
    }
    for (index, name) in leftNames.enumerated() {
      guard wanted.contains(name) else {
        result.append(left[index])
        continue
      }
      while !emitted.contains(name) { emit() }
    }
    while next < right.count { emit() }
    return result
  }

  /// The value without the paths of a set; nil if the set has the value itself.
  func removing(_ set: FieldSet, from value: JSONValue) -> JSONValue {
    guard !set.children.isEmpty, fits(value) else { return value }
    switch value {
    case .object(let object):
      var kept: [JSONObject.Member] = []
      for member in object.members {
        guard let child: FieldSet = set.children[.field(member.key)], let shape: FieldShape = self.member(member.key) else {
          kept.append(member)
          continue
        }
        if !child.isMember { kept.append(JSONObject.Member(key: member.key, value: shape.removing(child, from: member.value))) }
      }
      return .object(JSONObject(members: kept))
    case .array(let elements):
      var kept: [JSONValue] = []
      for one in elements {
        guard let name: PathElement = element(one), let child: FieldSet = set.children[name] else {
          kept.append(one)
          continue
        }
        if !child.isMember { kept.append(elementShape.removing(child, from: one)) }
      }
      return .array(kept)
    default: return value
    }
  }

  /// The set with every named field on the way to a member a member, too: who owns a field owns the struct that it stands in.
  func withNamedFields(_ set: FieldSet) -> FieldSet {
    var result: FieldSet = set
    for (name, child) in set.children {
      switch (form, name) {
      case (.fields(let type), .field(let field)):
        guard let schema: SchemaField = type.field(field) else { continue }
        var inner: FieldSet = FieldShape(schema).withNamedFields(child)
        inner.isMember = true
        result.children[name] = inner
      case (.keys(let shape), .field): result.children[name] = shape.withNamedFields(child)
      case (.list, .key): result.children[name] = elementShape.withNamedFields(child)
      default: break
      }
    }
    return result
  }

  /// What a change of a value did, path by path.
  struct Difference {
    var added = FieldSet()
    var removed = FieldSet()
    var modified = FieldSet()

    var addedOrModified: FieldSet { added.union(modified) }
    var isEmpty: Bool { added.isEmpty && removed.isEmpty && modified.isEmpty }

    mutating func attach(_ name: PathElement, _ child: Difference) {
      added.attach(name, child.added)
      removed.attach(name, child.removed)
      modified.attach(name, child.modified)
    }
  }

  /// Structs that Go embeds by value: they are there even when an object is new, so nobody adds them.
  private static let byValue: Set<String> = ["metadata", "spec", "status", "template", "strategy"]

  func compare(_ old: JSONValue?, _ new: JSONValue?) -> Difference {
    var difference = Difference()
    if old == new { return difference }
    // A container that appears or goes while it is empty counts as one thing, and so does whatever cannot be walked.
    let present: [JSONValue] = [old, new].compactMap(\.self)
    guard present.allSatisfy(fits), !present.allSatisfy(Self.isEmptyContainer) else {
      if old == nil {
        difference.added = .member
      } else if new == nil {
        difference.removed = .member
      } else {
        difference.modified = .member
      }
      return difference
    }
    switch form {
    case .leaf: break
    case .fields, .keys:
      let before: JSONObject = old?.object ?? JSONObject()
      let after: JSONObject = new?.object ?? JSONObject()
      for member in after.members {
        guard let shape: FieldShape = self.member(member.key) else { continue }
        let former: JSONValue? = before[member.key]
        if former == member.value { continue }
        var child: Difference = shape.compare(former, member.value)
        if former == nil, case .fields = form, Self.byValue.contains(member.key) { child.added.isMember = false }
        difference.attach(.field(member.key), child)
      }
      for member in before.members where after[member.key] == nil {
        guard let shape: FieldShape = self.member(member.key) else { continue }
        difference.attach(.field(member.key), shape.compare(member.value, nil))
      }
    case .set, .list:
      let before: [PathElement: JSONValue] = named(old)
      let after: [PathElement: JSONValue] = named(new)
      for (name, value) in after { difference.attach(name, elementShape.compare(before[name], value)) }
      for (name, value) in before where after[name] == nil { difference.attach(name, elementShape.compare(value, nil)) }
    }
    if old == nil { difference.added.isMember = true }
    if new == nil { difference.removed.isMember = true }
    return difference
  }

  private func named(_ value: JSONValue?) -> [PathElement: JSONValue] {
    Dictionary((value?.array ?? []).compactMap { one in element(one).map { ($0, one) } }, uniquingKeysWith: { first, _ in first })
  }

  private static func isEmptyContainer(_ value: JSONValue) -> Bool {
    switch value {
    case .object(let object): object.isEmpty
    case .array(let array): array.isEmpty
    default: false
    }
  }
}
