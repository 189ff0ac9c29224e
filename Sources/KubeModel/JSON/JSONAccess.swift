/// Reading and changing trees by path: `object["spec"]["replicas"].int`. A missing member reads as null, and assigning to it
/// makes the objects on the way; assigning null removes the member.
extension JSONValue {
  public subscript(key: String) -> JSONValue {
    get {
      guard case .object(let object) = self else { return .null }
      return object[key] ?? .null
    }
    set {
      var object: JSONObject
      if case .object(let present) = self { object = present } else { object = JSONObject() }
      self = .null  // gives up the second reference, so that the change below happens in place
      object[key] = newValue == .null ? JSONValue?.none : .some(newValue)
      self = .object(object)
    }
  }

  public subscript(index: Int) -> JSONValue {
    get {
      guard case .array(let array) = self, array.indices.contains(index) else { return .null }
      return array[index]
    }
    set {
      guard case .array(var array) = self, array.indices.contains(index) else { return }
      self = .null
      array[index] = newValue
      self = .array(array)
    }
  }

  public subscript(path path: [String]) -> JSONValue {
    get { path.reduce(self) { $0[$1] } }
    set {
      guard let first: String = path.first else {
        self = newValue
        return
      }
      self[first][path: Array(path.dropFirst())] = newValue
    }
  }

  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var int: Int64? {
    switch self {
    case .int(let value): value
    case .double(let value): Int64(exactly: value)
    default: nil
    }
  }
  public var double: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }
  /// The elements; empty for anything but an array.
  public var array: [JSONValue] { if case .array(let value) = self { value } else { [] } }
  public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
  public var isNull: Bool { self == .null }
  /// A map of strings such as labels; members that are not strings are left out.
  public var stringMap: [String: String] {
    guard case .object(let object) = self else { return [:] }
    var map: [String: String] = [:]
    for member in object.members { if case .string(let value) = member.value { map[member.key] = value } }
    return map
  }
  /// Builds a map with its keys in order, so that equal maps encode equally.
  public init(_ map: [String: String]) {
    self = .object(JSONObject(map.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
  }
}
