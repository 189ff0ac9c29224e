import HTTP
import Keyspace
import NIOCore
import Primitives

/// Any etcd v3 as a `KeyValueStore`: ours on another host, or a real one.
public struct EtcdStore: KeyValueStore {
  let client: GRPCClient
  /// Goes with every call: the token of `authenticated`.
  let metadata: [(String, String)]
  /// For one call; the server's answer may be lost after it.
  public let timeout: Duration

  /// `http` must speak HTTP/2 (TLS with ALPN, or `.http2`). `authority`: what the server's certificate is for.
  public init(_ http: HTTPClient, secure: Bool, authority: String = "localhost", timeout: Duration = .seconds(7)) {
    self.init(
      GRPCClient(http, scheme: secure ? "https" : "http", authority: authority, messageLimit: EtcdLimits.clientMessageBytes),
      timeout: timeout)
  }

  private init(_ client: GRPCClient, timeout: Duration, metadata: [(String, String)] = []) {
    self.client = client
    self.timeout = timeout
    self.metadata = metadata
  }

  /// The same store as a user of its own (etcd's `Authenticate`). Tokens run out: who works longer than five minutes asks again.
  public func authenticated(name: String, password: String) async throws -> EtcdStore {
    let token: String = try await call(
      "/etcdserverpb.Auth/Authenticate",
      { writer in
        writer.string(1, name)
        writer.string(2, password)
      },
      { message in
        var reader: ProtobufReader = message
        var token: String = ""
        while let field = try reader.next() { if field.number == 2 { token = try reader.string(field) } else { try reader.skip(field) } }
        return token
      })
    return EtcdStore(client, timeout: timeout, metadata: [("token", token)])
  }

  func call<Answer>(
    _ path: String, metadata more: [(String, String)] = [], _ message: (inout ProtobufWriter) -> Void,
    _ decode: (ProtobufReader) throws -> Answer
  ) async throws -> Answer {
    do {
      return try decode(try await client.unary(path, timeout: timeout, metadata: metadata + more, message))
    } catch {
      throw EtcdError.keyspaceError(error)
    }
  }

  public func range(_ request: RangeRequest) async throws -> RangeResponse {
    try await call(RangeMethod.path, { request.encode(&$0) }) { try RangeResponse($0) }
  }

  public func transact(_ request: TransactionRequest) async throws -> TransactionResponse {
    // Other etcds than ours pass it over.
    let metadata: [(String, String)] = request.durability.map { [(EtcdService.durabilityMetadata, $0.name)] } ?? []
    return try await call(TxnMethod.path, metadata: metadata, { request.encode(&$0) }) { try TransactionResponse($0) }
  }

  public func watch(_ request: WatchRequest) async throws -> any WatchCursor {
    let cursor = EtcdWatchCursor(client, request, metadata)
    do {
      try await cursor.open()
    } catch {
      throw EtcdError.keyspaceError(error)
    }
    return cursor
  }

  public func compact(revision: Int64) async throws {
    try await call(CompactMethod.path, { $0.int64(1, revision) }) { _ in }
  }

  public func grantLease(ttlSeconds: Int64, id: Int64) async throws -> LeaseGrant {
    try await call(
      LeaseGrantMethod.path,
      { writer in
        writer.int64(1, ttlSeconds)
        writer.int64(2, id)
      },
      { message in
        var reader: ProtobufReader = message
        var grant = LeaseGrant(id: 0, ttlSeconds: 0)
        while let field = try reader.next() {
          switch field.number {
          case 2: grant.id = try reader.int64(field)
          case 3: grant.ttlSeconds = try reader.int64(field)
          default: try reader.skip(field)
          }
        }
        return grant
      })
  }

  public func revokeLease(id: Int64) async throws {
    try await call(LeaseRevokeMethod.path, { $0.int64(1, id) }) { _ in }
  }

  public func keepLeaseAlive(id: Int64) async throws -> Int64 {
    do {
      let stream: GRPCClientStream = try await client.stream(LeaseKeepAliveStream.path, metadata: metadata)
      try await stream.send { $0.int64(1, id) }
      try await stream.sendEnd()
      guard var reader: ProtobufReader = try await stream.next() else {
        throw GRPCStatus(.internal, "The server ended a keep-alive without an answer.")
      }
      var ttl: Int64 = 0
      while let field = try reader.next() {
        if field.number == 3 { ttl = try reader.int64(field) } else { try reader.skip(field) }
      }
      return ttl
    } catch {
      throw EtcdError.keyspaceError(error)
    }
  }

  public func leaseTimeToLive(id: Int64, withKeys: Bool) async throws -> LeaseStatus {
    try await call(
      LeaseTimeToLiveMethod.path,
      { writer in
        writer.int64(1, id)
        writer.bool(2, withKeys)
      },
      { message in
        var reader: ProtobufReader = message
        var status = LeaseStatus(id: id, ttlSeconds: 0, grantedSeconds: 0)
        while let field = try reader.next() {
          switch field.number {
          case 3: status.ttlSeconds = try reader.int64(field)
          case 4: status.grantedSeconds = try reader.int64(field)
          case 5: status.keys.append(try reader.bytes(field))
          default: try reader.skip(field)
          }
        }
        return status
      })
  }

  public func leases() async throws -> [Int64] {
    try await call(LeaseLeasesMethod.path, { _ in }) { message in
      var reader: ProtobufReader = message
      var leases: [Int64] = []
      while let field = try reader.next() {
        if field.number == 2 { leases.append(try LeaseID.decode(try reader.message(field))) } else { try reader.skip(field) }
      }
      return leases
    }
  }
}
