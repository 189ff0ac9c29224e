import KubeModel
import Primitives
import Yams

/// YAML 1.1 to the JSON that Kubernetes reads it as (sigs.k8s.io/yaml): scalars resolve to null, booleans and numbers when they are plain,
/// keys become strings.
enum YAMLDocument {
  static func json(_ text: String) throws -> JSONValue {
    // kubectl sends JSON under YAML's name.
    if let parsed = try? JSONValue.parseReportingDuplicates(Bytes(text)), parsed.duplicates.isEmpty { return parsed.value }
    if let name: String = firstAlias(Bytes(text)) {
      throw KubeStatus.badRequest("the request's YAML body uses the alias \(name), which is not resolved here")
    }
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch {
      throw KubeStatus.badRequest("the request's body is not readable as YAML: \(error)")
    }
    guard let node else { return .null }
    return try convert(node, depth: 0)
  }

  /// The first `*name` that an `&name` stands for. Looked for before the text is read: ten lines in which each list holds the one before
  /// ten times are ten billion values (CVE-2019-11253), and the reader compares keys by everything in them.
  static func firstAlias(_ text: Bytes) -> String? {
    func names(_ sign: UInt8) -> [Bytes] {
      text.indices.compactMap { place in
        guard text[place] == sign, place == 0 || [0x20, 0x09, 0x0A, 0x0D, 0x5B, 0x7B, 0x2C, 0x3A].contains(text[place - 1]) else {
          return nil
        }
        let name: Bytes = Bytes(text[(place + 1)...].prefix { ![0x20, 0x09, 0x0A, 0x0D, 0x5B, 0x5D, 0x7B, 0x7D, 0x2C].contains($0) })
        return name.isEmpty ? nil : name
      }
    }
    guard text.contains(0x26), text.contains(0x2A) else { return nil }
    let anchors: Set<Bytes> = Set(names(0x26))
    return anchors.isEmpty ? nil : names(0x2A).first(where: anchors.contains)?.text
  }

  private static func convert(_ node: Node, depth: Int) throws -> JSONValue {
    guard depth < KubeLimits.documentDepth else {
      throw KubeStatus.badRequest("the request's body nests deeper than \(KubeLimits.documentDepth) levels")
    }
    switch node {
    case .scalar(let scalar): return value(scalar)
    case .sequence(let sequence): return .array(try sequence.map { try convert($0, depth: depth + 1) })
    case .mapping(let mapping):
      var object = JSONObject()
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          throw KubeStatus.badRequest("a key of the request's YAML body is not a scalar")
        }
        object[name.string] = try convert(value, depth: depth + 1)
      }
      return .object(object)
    case .alias(let alias):
      throw KubeStatus.badRequest("the request's YAML body uses the alias \(alias.anchor), which is not resolved here")
    }
  }

  private static func value(_ scalar: Node.Scalar) -> JSONValue {
    guard scalar.style == .any || scalar.style == .plain else { return .string(scalar.string) }
    let text: String = scalar.string
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .bool(true)
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .bool(false)
    default: break
    }
    guard let first: UInt8 = text.utf8.first, (48...57).contains(first) || first == 45 || first == 43 || first == 46 else {
      return .string(text)
    }
    if let integer = Int64(text) { return .int(integer) }
    if text.hasPrefix("0x"), let integer = Int64(text.dropFirst(2), radix: 16) { return .int(integer) }
    if text.hasPrefix("0o"), let integer = Int64(text.dropFirst(2), radix: 8) { return .int(integer) }
    // Digits, a point, an exponent: a number. Versions and addresses have two points and stay text.
    if text.utf8.allSatisfy({ (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }), let number = Double(text) {
      return .double(number)
    }
    return .string(text)
  }
}
