import EtcdAPI
import HTTP
import HTTPTypes
import Keyspace
import Logging
import NIOCore
import Primitives
import TLS

/// One client's connections to the members, over TLS, as etcd's own clients would.
struct MemberAPI: Sendable {
  let member: Int
  let store: EtcdStore
  private let raw: GRPCClient
  private let http: HTTPClient
  private let authority: String

  init(_ member: Int, at address: (host: String, port: Int), tls: TLSContext) {
    self.member = member
    var configuration = HTTPClientConfiguration(
      targets: [.host(address.host, port: address.port)], tls: tls,
      logger: Logger(label: "torture") { _ in SwiftLogNoOpLogHandler() })
    configuration.connectTimeout = .seconds(1)
    http = HTTPClient(configuration)
    authority = "\(address.host):\(address.port)"
    store = EtcdStore(http, secure: true, authority: authority, timeout: .milliseconds(TortureLimits.callMilliseconds))
    raw = GRPCClient(http, scheme: "https", authority: authority)
  }

  func close() { http.close() }

  struct Status: Sendable {
    var member: UInt64 = 0
    var leader: UInt64 = 0
    var term: UInt64 = 0
    var isLeader: Bool { member != 0 && member == leader }
  }

  func status() async throws -> Status {
    var reader: ProtobufReader = try await raw.unary("/etcdserverpb.Maintenance/Status", timeout: .seconds(1)) { _ in }
    var status = Status()
    while let field = try reader.next() {
      switch field.number {
      case 1:
        var header: ProtobufReader = try reader.message(field)
        while let part = try header.next() {
          if part.number == 2 { status.member = try header.uint64(part) } else { try header.skip(part) }
        }
      case 4: status.leader = try reader.uint64(field)
      case 6: status.term = try reader.uint64(field)
      default: try reader.skip(field)
      }
    }
    return status
  }

  /// The longest time without a word of the leader and between two of its own ticks, in milliseconds, of the last seconds.
  func pulse() async throws -> (silence: Double, pause: Double) {
    let request = HTTPRequest(method: .get, scheme: "https", authority: authority, path: "/metrics")
    let response: ClientResponse = try await http.execute(request, body: nil)
    let text = String(buffer: try await response.body.collect(upTo: 4 << 20))
    func milliseconds(_ name: String) -> Double {
      let line: Substring? = text.split(separator: "\n").first { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
      return (line?.split(separator: " ").last.flatMap { Double($0) } ?? 0) * 1_000
    }
    return (milliseconds("tricenter_store_longest_leader_silence_seconds"), milliseconds("tricenter_store_longest_pause_seconds"))
  }

  /// The hash of all that the member had at `revision`.
  func hash(at revision: Int64) async throws -> UInt32 {
    var reader: ProtobufReader = try await raw.unary("/etcdserverpb.Maintenance/HashKV", timeout: .seconds(20)) { $0.int64(1, revision) }
    var hash: UInt32 = 0
    while let field = try reader.next() { if field.number == 2 { hash = try reader.uint32(field) } else { try reader.skip(field) } }
    return hash
  }
}

/// Values are numbers; what stands behind the number gives a value the size of a small object.
enum ValueText {
  private static let padding: Bytes = Bytes(" " + String(repeating: "x", count: 120))

  static func bytes(_ value: UInt64) -> Bytes { Bytes(String(value)) + padding }

  static func value(_ bytes: Bytes) -> UInt64? { UInt64(Bytes(bytes.prefix { $0 != 0x20 }).text) }
}
