import HTTP
import Keyspace
import NIOCore
import Primitives

/// One RPC of etcd's with one request and one response.
protocol UnaryMethod: Sendable {
  /// `/etcdserverpb.Service/Method`
  static var path: String { get }
  init(_ service: EtcdService)
  /// Answers, now or later, or throws what the client is told. What `AccessRule` asks of the method's path was checked before.
  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws
}

/// Locks and elections: clients of the store inside the server, in etcd, whose errors lose their code on the way.
protocol ConcurrencyMethod: UnaryMethod {}

/// A unary call on its connection's event loop.
final class UnaryCall: GRPCCallHandler {
  private let method: any UnaryMethod
  private let rule: AccessRule
  private let service: EtcdService
  private let metrics: MethodMetrics
  private let isConcurrency: Bool
  private var call: GRPCCall?
  private var task: Task<Void, Never>?
  /// Looked for only where somebody asks.
  private(set) lazy var credentials: Credentials = call.map { Credentials($0) } ?? Credentials()
  private(set) var caller: Caller = .unrestricted

  init(_ method: any UnaryMethod, _ rule: AccessRule, _ metrics: MethodMetrics, _ service: EtcdService) {
    self.method = method
    self.rule = rule
    self.metrics = metrics
    self.service = service
    isConcurrency = method is any ConcurrencyMethod
  }

  func onMessage(_ message: ByteBuffer, _ call: GRPCCall) {
    guard self.call == nil else { return call.finish(GRPCStatus(.internal, "grpc: a unary call has one request message")) }
    self.call = call
    metrics.started()
    metrics.received(bytes: message.readableBytes)
    if call.metadata("hasleader") == "true", service.directory.leader == nil { return fail(KeyspaceError(.noLeader, "no leader is known")) }
    do {
      let request = ProtobufReader(message)
      if rule.takesSpace { try service.checkSpaceForLease() }
      if service.settings.isQuiet { return try method.handle(request, self) }
      caller = try service.identify(credentials)
      try rule.check(caller)
      guard rule.needsLeases(caller), let store = service.commandStore else { return try method.handle(request, self) }
      let (rule, caller): (AccessRule, Caller) = (rule, caller)
      run({ try await rule.checkLeases(request, caller, store) }) { _ in
        do { try self.method.handle(request, self) } catch { self.fail(error) }
      }
    } catch {
      fail(error)
    }
  }

  func onHalfClose(_ call: GRPCCall) {
    if self.call == nil { call.finish(GRPCStatus(.internal, "grpc: a unary call without a request message")) }
  }

  func onCancel() { task?.cancel() }

  func answer(capacity: Int = 256, _ message: (inout ProtobufWriter) -> Void) {
    metrics.handled(.ok)
    metrics.sent(bytes: call?.send(capacity: capacity, message) ?? 0)
    call?.finish()
  }

  func fail(_ error: any Error) {
    var status: GRPCStatus = EtcdError.status(error)
    if isConcurrency, status.code != .cancelled { status = GRPCStatus(.unknown, status.message) }
    metrics.handled(status.code)
    call?.finish(status)
  }

  /// Runs `work` on a task and `answer` back on the loop.
  func run<Answer: Sendable>(_ work: @escaping @Sendable () async throws -> Answer, then answer: @escaping (Answer) -> Void) {
    guard let loop: any EventLoop = call?.eventLoop else { return }
    let deliver: @Sendable (Result<Answer, any Error>) -> Void = completion(on: loop, answer)
    task = Task {
      do {
        deliver(.success(try await work()))
      } catch {
        deliver(.failure(error))
      }
    }
  }

  func transact(_ request: TransactionRequest, then answer: @escaping (TransactionResponse) -> Void) {
    var request: TransactionRequest = request
    if let name: String = call?.metadata(EtcdService.durabilityMetadata) {
      guard let durability = Durability(name: name) else {
        call?.finish(
          GRPCStatus(.invalidArgument, "etcdserver: \(EtcdService.durabilityMetadata) must be center-safe, city-safe or auto"))
        return
      }
      request.durability = durability
    }
    guard caller.isUnrestricted else {
      let store = CallerStore(service, credentials)
      return run({ [request] in try await store.transact(request) }, then: answer)
    }
    do { try service.checkSpace(for: request) } catch { return fail(error) }
    guard let store: any LoopStore = service.loopStore else {
      let store: any KeyValueStore = service.store
      return run({ [request] in try await store.transact(request) }, then: answer)
    }
    ask(store, answer) { [request] store, completion in store.transact(request, completion: completion) }
  }

  func range(_ request: RangeRequest, then answer: @escaping (RangeResponse) -> Void) {
    guard caller.isUnrestricted else {
      let store = CallerStore(service, credentials)
      return run({ try await store.range(request) }, then: answer)
    }
    guard let store: any LoopStore = service.loopStore else {
      let store: any KeyValueStore = service.store
      return run({ try await store.range(request) }, then: answer)
    }
    ask(store, answer) { store, completion in store.range(request, completion: completion) }
  }

  /// On the store's own loop without a hop, from another there and back.
  private func ask<Answer: Sendable>(
    _ store: any LoopStore, _ answer: @escaping (Answer) -> Void,
    _ question: @escaping @Sendable (any LoopStore, @escaping (Result<Answer, KeyspaceError>) -> Void) -> Void
  ) {
    if store.eventLoop.inEventLoop { return question(store) { self.deliver($0.mapError { $0 }, answer) } }
    guard let loop: any EventLoop = call?.eventLoop else { return }
    let back: @Sendable (Result<Answer, any Error>) -> Void = completion(on: loop, answer)
    store.eventLoop.execute { question(store) { result in back(result.mapError { $0 }) } }
  }

  private func completion<Answer: Sendable>(
    on loop: any EventLoop, _ answer: @escaping (Answer) -> Void
  ) -> @Sendable (Result<Answer, any Error>) -> Void {
    let bound = NIOLoopBound((self, answer), eventLoop: loop)
    return { result in loop.execute { bound.value.0.deliver(result, bound.value.1) } }
  }

  private func deliver<Answer>(_ result: Result<Answer, any Error>, _ answer: (Answer) -> Void) {
    task = nil
    switch result {
    case .success(let value): answer(value)
    case .failure(let error): fail(error)
    }
  }
}
