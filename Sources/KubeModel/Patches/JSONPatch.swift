import Primitives

extension Patches {
  /// JSON patch (RFC 6902): operations in order, all or none.
  public static func json(_ patch: JSONValue, to object: JSONValue) throws(KubeModelError) -> JSONValue {
    guard case .array(let operations) = patch else {
      throw KubeModelError(.badPatch, "a JSON patch must be an array of operations")
    }
    guard operations.count <= KubeLimits.patchOperations else {
      throw KubeModelError(
        .badPatch, "The allowed maximum operations in a JSON patch is \(KubeLimits.patchOperations), got \(operations.count)")
    }
    var document: JSONValue = object
    for operation in operations { try JSONPatchOperation(operation).apply(to: &document) }
    return document
  }
}

/// A path in a document (RFC 6901).
struct JSONPointer {
  let parts: [String]
  let text: String

  init(_ text: String) throws(KubeModelError) {
    guard text.isEmpty || text.hasPrefix("/") else {
      throw KubeModelError(.badPatch, "the path \"\(text)\" must be empty or begin with \"/\"")
    }
    self.text = text
    parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { part in
      guard part.contains("~") else { return String(part) }
      var plain: String = ""
      var rest: Substring = part
      while let character: Character = rest.popFirst() {
        if character == "~", rest.first == "1" || rest.first == "0" {
          plain.append(rest.removeFirst() == "1" ? "/" : "~")
        } else {
          plain.append(character)
        }
      }
      return plain
    }
  }

  /// An array's index without sign or leading zero; nil for anything else.
  static func index(_ part: String) -> Int? {
    guard let index = Int(part), index >= 0, String(index) == part else { return nil }
    return index
  }

  func value(in document: JSONValue) -> JSONValue? {
    var value: JSONValue = document
    for part in parts {
      switch value {
      case .object(let object):
        guard let member: JSONValue = object[part] else { return nil }
        value = member
      case .array(let array):
        guard let index: Int = Self.index(part), index < array.count else { return nil }
        value = array[index]
      default: return nil
      }
    }
    return value
  }
}

private struct JSONPatchOperation {
  let json: JSONValue
  let name: String
  let path: JSONPointer

  init(_ json: JSONValue) throws(KubeModelError) {
    guard let name: String = json["op"].string, let path: String = json["path"].string else {
      throw KubeModelError(.badPatch, "an operation of a JSON patch needs \"op\" and \"path\"")
    }
    self.json = json
    self.name = name
    self.path = try JSONPointer(path)
  }

  private var value: JSONValue {
    get throws(KubeModelError) {
      guard let value: JSONValue = json.object?["value"] else {
        throw KubeModelError(.badPatch, "\(name) operation at \"\(path.text)\" has no \"value\"")
      }
      return value
    }
  }

  private var source: JSONPointer {
    get throws(KubeModelError) {
      guard let from: String = json["from"].string else { throw KubeModelError(.badPatch, "\(name) operation has no \"from\"") }
      return try JSONPointer(from)
    }
  }

  private func missing(_ pointer: JSONPointer) -> KubeModelError {
    KubeModelError(.badPatch, "\(name) operation does not apply: doc is missing path: \"\(pointer.text)\": missing value")
  }

  func apply(to document: inout JSONValue) throws(KubeModelError) {
    switch name {
    case "add": try add(try value, at: path.parts[...], to: &document)
    case "remove": _ = try remove(path, from: &document)
    case "replace":
      guard path.value(in: document) != nil else { throw missing(path) }
      try replace(try value, at: path.parts[...], in: &document)
    case "move":
      let from: JSONPointer = try source
      guard !(path.parts.count > from.parts.count && path.parts.starts(with: from.parts)) else {
        throw KubeModelError(.badPatch, "move operation does not apply: \"\(from.text)\" cannot be moved into itself")
      }
      try add(try remove(from, from: &document), at: path.parts[...], to: &document)
    case "copy":
      let from: JSONPointer = try source
      guard let value: JSONValue = from.value(in: document) else { throw missing(from) }
      try add(value, at: path.parts[...], to: &document)
    case "test":
      guard Self.same(path.value(in: document) ?? .null, try value) else {
        throw KubeModelError(.patchTestFailed, "testing path \(path.text) failed: test failed")
      }
    default: throw KubeModelError(.badPatch, "Unexpected kind: \(name)")
    }
  }

  /// Numbers compare by value (RFC 6902 §4.6).
  private static func same(_ left: JSONValue, _ right: JSONValue) -> Bool {
    if left == right { return true }
    switch (left, right) {
    case (.array(let left), .array(let right)): return left.count == right.count && zip(left, right).allSatisfy(same)
    case (.object(let left), .object(let right)):
      return left.count == right.count && left.members.allSatisfy { member in right[member.key].map { same(member.value, $0) } ?? false }
    default: return left.double != nil && left.double == right.double
    }
  }

  private func add(_ value: JSONValue, at parts: ArraySlice<String>, to target: inout JSONValue) throws(KubeModelError) {
    guard let part: String = parts.first else {
      target = value
      return
    }
    switch target {
    case .object(var object):
      target = .null
      defer { target = .object(object) }
      if parts.count == 1 {
        object[part] = .some(value)
      } else {
        guard var member: JSONValue = object[part] else { throw missing(path) }
        try add(value, at: parts.dropFirst(), to: &member)
        object[part] = .some(member)
      }
    case .array(var array):
      target = .null
      defer { target = .array(array) }
      if parts.count == 1 {
        guard let index: Int = part == "-" ? array.count : JSONPointer.index(part), index <= array.count else { throw missing(path) }
        array.insert(value, at: index)
      } else {
        guard let index: Int = JSONPointer.index(part), index < array.count else { throw missing(path) }
        try add(value, at: parts.dropFirst(), to: &array[index])
      }
    default: throw missing(path)
    }
  }

  private func replace(_ value: JSONValue, at parts: ArraySlice<String>, in target: inout JSONValue) throws(KubeModelError) {
    guard let part: String = parts.first else {
      target = value
      return
    }
    switch target {
    case .object(var object):
      var member: JSONValue = object[part] ?? .null
      try replace(value, at: parts.dropFirst(), in: &member)
      object[part] = .some(member)
      target = .object(object)
    case .array(var array):
      guard let index: Int = JSONPointer.index(part), index < array.count else { throw missing(path) }
      try replace(value, at: parts.dropFirst(), in: &array[index])
      target = .array(array)
    default: throw missing(path)
    }
  }

  private func remove(_ pointer: JSONPointer, from document: inout JSONValue) throws(KubeModelError) -> JSONValue {
    guard let value: JSONValue = pointer.value(in: document) else { throw missing(pointer) }
    guard !pointer.parts.isEmpty else {
      document = .null
      return value
    }
    Self.cut(pointer.parts[...], from: &document)
    return value
  }

  private static func cut(_ parts: ArraySlice<String>, from target: inout JSONValue) {
    guard let part: String = parts.first else { return }
    switch target {
    case .object(var object):
      if parts.count == 1 {
        object[part] = JSONValue?.none
      } else if var member: JSONValue = object[part] {
        cut(parts.dropFirst(), from: &member)
        object[part] = .some(member)
      }
      target = .object(object)
    case .array(var array):
      guard let index: Int = JSONPointer.index(part) else { return }
      if parts.count == 1 { array.remove(at: index) } else { cut(parts.dropFirst(), from: &array[index]) }
      target = .array(array)
    default: break
    }
  }
}
