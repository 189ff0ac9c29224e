/// A JSON document as a tree. Integers stay integers (Kubernetes distinguishes them); members keep their order.
public enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// Members in the order they were written; look-up is linear, which beats hashing at the sizes objects have.
public struct JSONObject: Sendable {
  public struct Member: Sendable {
    public var key: String
    public var value: JSONValue
    public init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }
  }
  public var members: [Member]

  public init() { members = [] }
  /// The caller vouches that no name occurs twice.
  public init(members: [Member]) { self.members = members }
  public init(_ members: [(String, JSONValue)]) { self.members = members.map { Member(key: $0.0, value: $0.1) } }

  public subscript(key: String) -> JSONValue? {
    get { members.first { $0.key == key }?.value }
    set {
      if let index: Int = members.firstIndex(where: { $0.key == key }) {
        if let newValue { members[index].value = newValue } else { members.remove(at: index) }
      } else if let newValue {
        members.append(Member(key: key, value: newValue))
      }
    }
  }
  public var isEmpty: Bool { members.isEmpty }
  public var count: Int { members.count }
  public var keys: [String] { members.map(\.key) }
}

extension JSONObject: Hashable {
  /// Equal members, in any order.
  public static func == (left: Self, right: Self) -> Bool {
    guard left.count == right.count else { return false }
    // Most often the order is the same, too.
    guard let difference: Int = left.members.indices.first(where: { left.members[$0].key != right.members[$0].key }) else {
      return left.members.indices.allSatisfy { left.members[$0].value == right.members[$0].value }
    }
    if left.count <= 24 { return left.members.allSatisfy { right[$0.key] == $0.value } }
    for index in 0..<difference where left.members[index].value != right.members[index].value { return false }
    let others: [String: JSONValue] = Dictionary(
      right.members[difference...].lazy.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    return left.members[difference...].allSatisfy { others[$0.key] == $0.value }
  }
  public func hash(into hasher: inout Hasher) {
    var mixed: Int = 0
    for member in members {
      var one = Hasher()
      one.combine(member.key)
      one.combine(member.value)
      mixed ^= one.finalize()
    }
    hasher.combine(mixed)
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByFloatLiteral
{
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(nilLiteral: ()) { self = .null }
  public init(floatLiteral value: Double) { self = .double(value) }
}
