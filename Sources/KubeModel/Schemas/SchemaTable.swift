import Primitives

/// The tables' text, one static string per API group version: generated, or written by hand for our own group.
///
///     T NAME [gvk=GROUP/VERSION/KIND]… [map=atomic] [is=SCALAR]      a type
///     F NAME TYPE [!] [list=atomic|set|map:KEYS] [map=atomic] [patch=merge,retainKeys:KEY] [enum=A|B] [default=JSON]
///     "TEXT                                                          description of the line before; \n is a line's end
///
/// TYPE is a scalar, another type's NAME, `[]TYPE` or `{}TYPE`; `!` marks a required field.
enum SchemaSource {
  static let all: [StaticString] = [
    metaV1, coreV1, coreV1Containers, coreV1Nodes, coreV1Pods, coreV1Services, coreV1Volumes, appsV1, discoveryV1,
    coordinationV1, autoscalingV1, eventsV1, policyV1, authorizationV1, authenticationV1, federationV1, federationRunsV1,
  ]
}

/// All types of all groups, read from the tables once, at first use.
public struct SchemaTable: Sendable {
  public static let shared = SchemaTable(SchemaSource.all)

  public let types: [SchemaType]
  private let places: [String: Int]

  public subscript(id: TypeID) -> SchemaType { types[id.index] }
  /// By short name: `core.v1.Pod`.
  public subscript(name: String) -> SchemaType? { places[name].map { types[$0] } }
  public func id(_ name: String) -> TypeID? { places[name].map { TypeID(index: $0) } }

  init(_ sources: [StaticString]) {
    var places: [String: Int] = [:]
    for source in sources {
      Self.forEachLine(source) { line in
        if line.first == UInt8(ascii: "T") { places[String(Self.words(line)[1])] = places.count }
      }
    }
    self.places = places
    var types: [SchemaType] = []
    var open: Draft?
    for source in sources {
      Self.forEachLine(source) { line in
        switch line.first {
        case UInt8(ascii: "T"):
          if let open { types.append(open.finished()) }
          open = Draft(Self.words(line))
        case UInt8(ascii: "F"): open?.add(Self.words(line), places)
        default: open?.describe(UnsafeStaticText(bytes: UnsafeBufferPointer(rebasing: line.dropFirst())))
        }
      }
    }
    if let open { types.append(open.finished()) }
    self.types = types
  }

  private static func forEachLine(_ source: StaticString, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    let all = UnsafeBufferPointer(start: source.utf8Start, count: source.utf8CodeUnitCount)
    for line in all.split(separator: 0x0A) { body(UnsafeBufferPointer(rebasing: line)) }
  }

  private static func words(_ line: UnsafeBufferPointer<UInt8>) -> [Substring] {
    String(decoding: line, as: UTF8.self).split(separator: " ")
  }
}

/// A type while its lines are read. A table that does not read is a fault of the build, not of a user: it stops the process.
private struct Draft {
  let name: String
  var kinds: [GroupVersionKind] = []
  var isAtomicMap: Bool = false
  var scalar: ValueType?
  var text: UnsafeStaticText = .empty
  var fields: [SchemaField] = []

  init(_ words: [Substring]) {
    name = String(words[1])
    for word in words.dropFirst(2) {
      if word.hasPrefix("gvk=") {
        let parts: [Substring] = word.dropFirst(4).split(separator: "/", omittingEmptySubsequences: false)
        kinds.append(GroupVersionKind(group: String(parts[0]), version: String(parts[1]), kind: String(parts[2])))
      } else if word == "map=atomic" {
        isAtomicMap = true
      } else if word.hasPrefix("is=") {
        scalar = Self.scalar(word.dropFirst(3))
      } else {
        preconditionFailure("schema type \(name): unknown flag \(word)")
      }
    }
  }

  mutating func describe(_ text: UnsafeStaticText) {
    guard let last: SchemaField = fields.last else {
      self.text = text
      return
    }
    fields[fields.count - 1] = SchemaField(
      name: last.name, type: last.type, isRequired: last.isRequired, list: last.list, isAtomicMap: last.isAtomicMap, patch: last.patch,
      allowed: last.allowed, defaultValue: last.defaultValue, text: text)
  }

  mutating func add(_ words: [Substring], _ places: [String: Int]) {
    var isRequired: Bool = false
    var list: ListKind?
    var isAtomicMap: Bool = false
    var patch: PatchStrategy?
    var allowed: [String] = []
    var defaultValue: JSONValue?
    for word in words.dropFirst(3) {
      let parts: [Substring] = word.split(separator: "=", maxSplits: 1)
      switch parts[0] {
      case "!": isRequired = true
      case "list":
        let kind: [Substring] = parts[1].split(separator: ":")
        switch kind[0] {
        case "atomic": list = .atomic
        case "set": list = .set
        default: list = .map(keys: kind[1].split(separator: ",").map(String.init))
        }
      case "map": isAtomicMap = parts[1] == "atomic"
      case "patch":
        let strategy: [Substring] = parts[1].split(separator: ":")
        let names: [Substring] = strategy[0].split(separator: ",")
        patch = PatchStrategy(
          merge: names.contains("merge"), retainKeys: names.contains("retainKeys"), mergeKey: strategy.count > 1 ? String(strategy[1]) : nil
        )
      case "enum": allowed = parts[1].split(separator: "|").map(String.init).sorted()
      case "default":
        guard let value: JSONValue = try? .parse(String(parts[1])) else {
          preconditionFailure("schema \(name).\(words[1]): default is no JSON")
        }
        defaultValue = value
      default: preconditionFailure("schema \(name).\(words[1]): unknown flag \(word)")
      }
    }
    fields.append(
      SchemaField(
        name: String(words[1]), type: Self.type(words[2], places), isRequired: isRequired, list: list, isAtomicMap: isAtomicMap,
        patch: patch,
        allowed: allowed, defaultValue: defaultValue, text: .empty))
  }

  func finished() -> SchemaType {
    SchemaType(
      name: name, shortName: String(name.split(separator: ".").last ?? ""), fields: fields, kinds: kinds, isAtomicMap: isAtomicMap,
      scalar: scalar, text: text,
      places: Dictionary(uniqueKeysWithValues: fields.enumerated().map { ($0.element.name, $0.offset) }))
  }

  private static func scalar(_ word: Substring) -> ValueType? {
    switch word {
    case "string": .string
    case "boolean": .boolean
    case "int32": .int32
    case "int64": .int64
    case "number": .number
    case "bytes": .bytes
    case "any": .any
    case "quantity", "resource.Quantity": .quantity
    case "time", "meta.v1.Time": .time
    case "microtime", "meta.v1.MicroTime": .microTime
    case "intorstring", "intstr.IntOrString": .intOrString
    case "meta.v1.FieldsV1", "runtime.RawExtension", "meta.v1.Patch": .any
    default: nil
    }
  }

  private static func type(_ word: Substring, _ places: [String: Int]) -> ValueType {
    if word.hasPrefix("[]") { return .list(type(word.dropFirst(2), places)) }
    if word.hasPrefix("{}") { return .map(type(word.dropFirst(2), places)) }
    if let scalar: ValueType = scalar(word) { return scalar }
    guard let place: Int = places[String(word)] else { preconditionFailure("no schema type is called \(word)") }
    return .object(TypeID(index: place))
  }
}
