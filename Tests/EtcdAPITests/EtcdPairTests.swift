import Glibc
import NIOPosix
import Primitives
import Store
import TLS
import TestSupport
import Testing

@testable import EtcdAPI

/// Questions with the answers that etcd 3.6 gave to them (`testdata/etcd-3.6`, recorded from 3.6.13), put to a member of ours one after the
/// other. Where ours answers otherwise on purpose, its answer stands below etcd's (`!`) with the reason above the question.
///
///     > kv/put {"key":"<a>"}          POST /v3/kv/put; <…> is written in base64
///     > as:alice kv/range …           with the token of the last time that alice logged in
///     > lines:2 watch …               so many lines of a stream
///     > GET /health
///     < 200 {…}                       etcd's: status and body, ids and sizes as *, names in order
///
/// `TRICENTER_ETCD_RECORD=kv=http://127.0.0.1:2379` writes etcd's answers of one file anew, from an etcd without data.
@Suite(.serialized) struct EtcdPairTests {
  private static let folder: String = "\(#filePath)".split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/testdata/etcd-3.6"

  @Test(arguments: ["kv", "watch", "lease", "auth", "cluster", "lock", "json"])
  func `a client cannot tell`(_ name: String) async throws {
    let path = "\(Self.folder)/\(name).txt"
    let wanted: [String] = getenv("TRICENTER_ETCD_RECORD").map { String(cString: $0) }?.components("=") ?? []
    if wanted.first == name, let port: Int = wanted.last.flatMap({ Int($0.components(":").last ?? "") }) {
      try Transcript.writeText(try await EtcdPairs(try Transcript.readText(path)).recorded(port: port), to: path)
    }
    try await withMember("default") { _, store, port in
      try await eventually("it leads") { store.leadership.isLocal }
      for difference in try await EtcdPairs(try Transcript.readText(path)).differences(port: port) {
        Issue.record("\(name).txt:\(difference)")
      }
    }
  }
}

extension String {
  fileprivate func components(_ separator: Character) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}

/// One file of them.
struct EtcdPairs {
  private struct Step {
    var line: Int
    var text: [String] = []
    var question: String?
    var etcd: [String] = []
    var ours: [String] = []
  }
  private var steps: [Step] = []
  /// Of errors the code counts alone.
  private let codesAlone: Bool

  init(_ text: String) {
    codesAlone = text.hasPrefix("#! codes")
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).enumerated() {
      if line.hasPrefix("< "), !steps.isEmpty {
        steps[steps.count - 1].etcd.append(String(line.dropFirst(2)))
      } else if line.hasPrefix("! "), !steps.isEmpty {
        steps[steps.count - 1].ours.append(String(line.dropFirst(2)))
      } else {
        steps.append(Step(line: number + 1, text: [line], question: line.hasPrefix("> ") ? String(line.dropFirst(2)) : nil))
      }
    }
  }

  func recorded(port: Int) async throws -> String {
    var session = Session(port: port, codesAlone: codesAlone)
    var lines: [String] = []
    for step in steps {
      lines += step.text
      guard let question: String = step.question else { continue }
      lines += try await session.ask(question).map { "< " + $0 } + step.ours.map { "! " + $0 }
    }
    return lines.joined(separator: "\n")
  }

  func differences(port: Int) async throws -> [String] {
    var session = Session(port: port, codesAlone: codesAlone)
    var differences: [String] = []
    for step in steps {
      guard let question: String = step.question else { continue }
      let (answer, wanted): ([String], [String]) = (try await session.ask(question), step.ours.isEmpty ? step.etcd : step.ours)
      if answer != wanted {
        differences.append(
          "\(step.line)\n> \(question)\n\(wanted.map { "< \($0)\n" }.joined())---- here\n\(answer.map { "< \($0)\n" }.joined())")
      }
    }
    return differences
  }

  private struct Session {
    let port: Int
    let codesAlone: Bool
    private var tokens: [String: String] = [:]

    init(port: Int, codesAlone: Bool) {
      self.port = port
      self.codesAlone = codesAlone
    }

    mutating func ask(_ question: String) async throws -> [String] {
      var rest: Substring = question[...]
      func word() -> String {
        let word: Substring = rest.prefix { $0 != " " }
        rest = rest.dropFirst(word.count + 1)
        return String(word)
      }
      var (method, path, lines, fields): (String, String, Int?, [(String, String)]) = (
        "POST", word(), nil, [("Content-Type", "application/json")]
      )
      if path.hasPrefix("as:") {
        fields.append(("Authorization", tokens[String(path.dropFirst(3))] ?? "none"))
        path = word()
      }
      if path.hasPrefix("lines:") {
        lines = Int(path.dropFirst(6))
        path = word()
      }
      if ["GET", "PUT"].contains(path) {
        method = path
        path = word()
      }
      let target: String = path.hasPrefix("/") ? path : "/v3/" + path
      let (client, verb, body, count): (PlainHTTP, String, String, Int?) = (
        PlainHTTP(host: "127.0.0.1", port: port), method, Self.body(String(rest)), lines
      )
      let headers: [(String, String)] = fields
      let answer: (status: Int, body: [String]) = try await NIOThreadPool.singleton.runIfActive {
        try client.ask(verb, target, Bytes(body), headers, lines: count)
      }
      return answer.body.map { text in
        let tree: JSONTree? = try? JSONTree(Bytes(text))
        if path == "auth/authenticate", case .object(let fields)? = tree, case .string(let token)? = fields["token"],
          case .object(let asked)? = try? JSONTree(Bytes(body)), case .string(let name)? = asked["name"]
        {
          tokens[name] = token
        }
        let trimmed: String = text.last == "\n" ? String(text.dropLast()) : text
        return "\(answer.status) \(tree.map { Self.canonical($0, codesAlone: codesAlone) } ?? trimmed.replacing("\n", with: "|"))"
      }
    }

    /// `<a\x00>` becomes the base64 of these two bytes.
    private static func body(_ text: String) -> String {
      var (result, rest): (String, Substring) = ("", text[...])
      while let start: Substring.Index = rest.firstIndex(of: "<"), let end: Substring.Index = rest[start...].firstIndex(of: ">") {
        var bytes: Bytes = []
        var inner: Substring = rest[rest.index(after: start)..<end]
        while let character: Character = inner.popFirst() {
          if character == "\\", inner.first == "x", let byte = UInt8(inner.dropFirst().prefix(2), radix: 16) {
            bytes.append(byte)
            inner = inner.dropFirst(3)
          } else {
            bytes += Bytes(String(character))
          }
        }
        result += rest[..<start] + Base64.encode(bytes)
        rest = rest[rest.index(after: end)...]
      }
      return result + rest
    }

    /// What every server answers otherwise.
    private static let own: Set<String> = ["token", "storageVersion", "downgradeInfo", "peerURLs", "clientURLs"]
    /// What only some versions of the gateway say of an error, and numbers that may be zero, which is left out.
    private static let passedOver: Set<String> = [
      "details", "grpc_code", "http_code", "http_status", "raftIndex", "raftAppliedIndex", "raftTerm", "dbSize", "dbSizeInUse",
      "dbSizeQuota", "hash",
    ]

    private static func canonical(_ tree: JSONTree, in parent: [String: JSONTree] = [:], codesAlone: Bool) -> String {
      switch tree {
      case .null: return "null"
      case .bool(let flag): return "\(flag)"
      case .number(let text): return text
      case .string(let text):
        var writer = JSONWriter()
        writer.string(text)
        return writer.bytes.text
      case .array(let values):
        return "[\(values.map { canonical($0, codesAlone: codesAlone) }.joined(separator: ","))]"
      case .object(let fields):
        let parts: [String] = fields.sorted { $0.key < $1.key }.compactMap { name, value in
          if passedOver.contains(name) || (name == "compact_revision" && fields["hash_revision"] != nil) { return nil }
          if name == "error", case .string = value { return nil }
          if codesAlone, name == "message" { return nil }
          if name == "header", case .object(let inner) = value {
            return "\"header\":\(canonical(.object(inner.filter { $0.key == "revision" }), codesAlone: false))"
          }
          if isOwn(name, value, fields) { return "\"\(name)\":\"*\"" }
          // In etcd in no order.
          if name == "keys" || name == "leases", case .array(let values) = value {
            return "\"\(name)\":[\(values.map { canonical($0, codesAlone: false) }.sorted().joined(separator: ","))]"
          }
          return "\"\(name)\":\(canonical(value, codesAlone: codesAlone))"
        }
        return "{\(parts.joined(separator: ","))}"
      }
    }

    private static func isOwn(_ name: String, _ value: JSONTree, _ fields: [String: JSONTree]) -> Bool {
      if own.contains(name) { return true }
      guard case .string(let text) = value else { return false }
      switch name {
      case "ID", "memberID", "leader": return text.count > 6
      case "version", "etcdserver": return text.contains(".")
      case "TTL": return fields["grantedTTL"] != nil
      default: return false
      }
    }
  }
}
