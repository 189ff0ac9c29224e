/// One step of a path in a field set. List elements are named by their keys' or own value as JSON with sorted members, so that
/// equal elements have equal text.
enum PathElement: Hashable, Comparable, Sendable {
  case field(String)
  case key(String)
  case value(String)
  case index(Int)

  /// `f:replicas`, `k:{"name":"web"}`, `v:"x"`, `i:0`: the names in `fieldsV1`.
  var text: String {
    switch self {
    case .field(let name): "f:\(name)"
    case .key(let key): "k:\(key)"
    case .value(let value): "v:\(value)"
    case .index(let index): "i:\(index)"
    }
  }

  init?(_ text: String) {
    let rest = String(text.dropFirst(2))
    switch text.prefix(2) {
    case "f:": self = .field(rest)
    case "k:":
      guard let json: JSONValue = try? .parse(rest) else { return nil }
      self = .key(Self.canonical(json))
    case "v:":
      guard let json: JSONValue = try? .parse(rest) else { return nil }
      self = .value(Self.canonical(json))
    case "i:":
      guard let index = Int(rest) else { return nil }
      self = .index(index)
    default: return nil
    }
  }

  /// As conflicts show it: `.replicas`, `[name="web"]`, `[="x"]`, `[0]`.
  var shown: String {
    switch self {
    case .field(let name): return ".\(name)"
    case .key(let key):
      let members: [JSONObject.Member] = (try? JSONValue.parse(key))?.object?.members ?? []
      return "[" + members.map { "\($0.key)=\($0.value.serialized().text)" }.joined(separator: ",") + "]"
    case .value(let value): return "[=\(value)]"
    case .index(let index): return "[\(index)]"
    }
  }

  static func canonical(_ json: JSONValue) -> String {
    guard case .object(var object) = json else { return json.serialized().text }
    object.members.sort { $0.key < $1.key }
    return JSONValue.object(object).serialized().text
  }
}

/// A set of paths as a tree. `isMember` says that the path which ends here belongs to the set.
/// https://github.com/kubernetes-sigs/structured-merge-diff
struct FieldSet: Equatable, Sendable {
  var isMember: Bool = false
  var children: [PathElement: FieldSet] = [:]

  static let empty = FieldSet()
  static let member = FieldSet(isMember: true)

  var isEmpty: Bool { !isMember && children.isEmpty }

  /// Adds a subtree unless it is empty.
  mutating func attach(_ element: PathElement, _ child: FieldSet) {
    if !child.isEmpty { children[element] = child }
  }

  func union(_ other: FieldSet) -> FieldSet {
    if isEmpty { return other }
    if other.isEmpty { return self }
    return FieldSet(isMember: isMember || other.isMember, children: children.merging(other.children) { $0.union($1) })
  }

  func subtracting(_ other: FieldSet) -> FieldSet {
    if other.isEmpty || isEmpty { return self }
    var result = FieldSet(isMember: isMember && !other.isMember)
    for (element, child) in children { result.attach(element, other.children[element].map(child.subtracting) ?? child) }
    return result
  }

  func intersection(_ other: FieldSet) -> FieldSet {
    var result = FieldSet(isMember: isMember && other.isMember)
    for (element, child) in children {
      if let counterpart: FieldSet = other.children[element] { result.attach(element, child.intersection(counterpart)) }
    }
    return result
  }

  /// Without everything at and below `path`.
  func cutting(_ path: [PathElement]) -> FieldSet {
    guard let first: PathElement = path.first, let child: FieldSet = children[first] else { return self }
    var result: FieldSet = self
    result.children[first] = nil
    if path.count > 1 { result.attach(first, child.cutting(Array(path.dropFirst()))) }
    return result
  }

  func contains(_ path: [PathElement]) -> Bool {
    guard let first: PathElement = path.first else { return isMember }
    return children[first]?.contains(Array(path.dropFirst())) ?? false
  }

  /// All paths, in order.
  var paths: [[PathElement]] {
    var all: [[PathElement]] = isMember ? [[]] : []
    for (element, child) in children.sorted(by: { $0.key < $1.key }) { all += child.paths.map { [element] + $0 } }
    return all
  }

  /// The `fieldsV1` form.
  var json: JSONValue {
    var members: [JSONObject.Member] = []
    if isMember, !children.isEmpty { members.append(JSONObject.Member(key: ".", value: [:])) }
    for (element, child) in children.sorted(by: { $0.key < $1.key }) {
      members.append(JSONObject.Member(key: element.text, value: child.json))
    }
    return .object(JSONObject(members: members))
  }

  /// Nil if the document is no field set.
  init?(json: JSONValue) {
    guard let object: JSONObject = json.object else { return nil }
    self.init()
    for member in object.members {
      if member.key == "." {
        isMember = true
        continue
      }
      guard let element = PathElement(member.key), let child = FieldSet(json: member.value) else { return nil }
      children[element] = child.isEmpty ? .member : child
    }
  }

  init(isMember: Bool = false, children: [PathElement: FieldSet] = [:]) {
    self.isMember = isMember
    self.children = children
  }
}
