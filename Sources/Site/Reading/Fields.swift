import Primitives
import Yams

/// A YAML mapping being read: every field that was asked for is known, `finish` reports the others. A wrong value is reported
/// and read as nil, so that reading goes on and finds the rest.
public struct Fields {
  public let place: Place
  public let path: String
  private let members: [(key: String, place: Place, value: Node)]
  private let problems: ProblemCollector
  private var known: Set<String> = []

  public init?(_ node: Node, path: String, _ problems: ProblemCollector) {
    guard case .mapping(let mapping) = node else {
      problems.add(Place(node), "\(path.isEmpty ? "the file" : path) must be a mapping of fields")
      return nil
    }
    self.place = Place(node)
    self.path = path
    self.problems = problems
    var members: [(key: String, place: Place, value: Node)] = []
    for (key, value) in mapping {
      let name: String = key.string ?? ""
      if members.contains(where: { $0.key == name }) { problems.add(Place(key), "\(name) stands here twice") }
      members.append((name, Place(key), value))
    }
    self.members = members
  }

  /// The fields that stand here, for mappings whose names are free.
  public var names: [String] { members.map(\.key) }
  /// The YAML below a field, as it is.
  public mutating func raw(_ field: String, required: Bool = true) -> Node? { node(field, required: required) }

  public func name(_ field: String) -> String { path.isEmpty ? field : "\(path).\(field)" }
  public func place(of field: String) -> Place { members.first { $0.key == field }.map { Place($0.value) } ?? place }

  private mutating func node(_ field: String, required: Bool) -> Node? {
    known.insert(field)
    guard let member = members.first(where: { $0.key == field }) else {
      if required { problems.add(place, "\(name(field)) is missing") }
      return nil
    }
    return member.value
  }

  public mutating func string(_ field: String, required: Bool = true) -> String? {
    guard let node: Node = node(field, required: required) else { return nil }
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
      problems.add(Place(node), "\(name(field)) must be text")
      return nil
    }
    return scalar.string
  }

  /// Text that `convert` accepts; `expected` completes "must be …".
  public mutating func value<Value>(_ field: String, required: Bool = true, expected: String, _ convert: (String) -> Value?) -> Value? {
    guard let text: String = string(field, required: required) else { return nil }
    guard let value: Value = convert(text) else {
      problems.add(place(of: field), "\(name(field)) is \"\(text)\"; it must be \(expected)")
      return nil
    }
    return value
  }

  public mutating func range(_ field: String) -> IPRange? {
    guard let text: String = string(field) else { return nil }
    switch IPRange.parse(text) {
    case .success(let range): return range
    case .failure(let failure):
      problems.add(place(of: field), "\(name(field)): \(failure)")
      return nil
    }
  }

  public mutating func list(_ field: String, required: Bool = true) -> [(path: String, node: Node)] {
    guard let node: Node = node(field, required: required) else { return [] }
    guard case .sequence(let sequence) = node else {
      problems.add(Place(node), "\(name(field)) must be a list")
      return []
    }
    return sequence.enumerated().map { ("\(name(field))[\($0.offset)]", $0.element) }
  }

  public mutating func strings(_ field: String, required: Bool = true) -> [(text: String, place: Place)] {
    list(field, required: required).compactMap { path, node in
      guard case .scalar(let scalar) = node else {
        problems.add(Place(node), "\(path) must be text")
        return nil
      }
      return (scalar.string, Place(node))
    }
  }

  public mutating func fields(_ field: String, required: Bool = true) -> Fields? {
    guard let node: Node = node(field, required: required) else { return nil }
    return Fields(node, path: name(field), problems)
  }

  /// Reports every field that nobody asked for, with the closest known name if one is near.
  public func finish() {
    for member in members where !known.contains(member.key) {
      let nearest: String? = known.min { editDistance($0, member.key) < editDistance($1, member.key) }
      let hint: String = nearest.map { editDistance($0, member.key) <= 2 ? "; did you mean \($0)?" : "" } ?? ""
      problems.add(member.place, "\(name(member.key)) is not a known field\(hint)")
    }
  }
}

extension Place {
  public init(_ node: Node) { self.init(line: node.mark?.line ?? 0, column: node.mark?.column ?? 0) }
}

/// Levenshtein distance, for "did you mean".
func editDistance(_ one: String, _ other: String) -> Int {
  let target: [Character] = Array(other)
  var row: [Int] = Array(0...target.count)
  for (index, character) in one.enumerated() {
    var previous: Int = row[0]
    row[0] = index + 1
    for column in target.indices {
      let cost: Int = min(row[column] + 1, row[column + 1] + 1, previous + (character == target[column] ? 0 : 1))
      previous = row[column + 1]
      row[column + 1] = cost
    }
  }
  return row[target.count]
}

extension Duration {
  /// `250ms`, `3s`, `1.5s`, `2m`, `40us`; nil for anything else or below zero.
  public init?(siteText text: String) {
    let units: [(String, Double)] = [("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9)]
    guard let (suffix, scale) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Double(text.dropLast(suffix.count)), number >= 0, number < 1e9
    else { return nil }
    self = .nanoseconds(Int64((number * scale).rounded()))
  }
}
