import NIOCore
import Synchronization

/// The connections of one client.
///
///     start ─▶ HTTP/2 connection usable? ─▶ use it
///          ├▶ idle HTTP/1.1 connection?  ─▶ take it
///          ├▶ HTTP/1.1 and pool full     ─▶ wait in turn
///          └▶ connect (one at a time until the protocol is known), the others wait for the outcome
final class ConnectionPool: Sendable {
  private enum Outcome {
    case take(ClientConnector.Connection, reused: Bool)
    case connect
    case wait
    case refuse(HTTPError)
  }
  /// What a waiter is told: look again, or why that is useless.
  private typealias Waiter = CheckedContinuation<Void, any Error>
  private struct State {
    var http2: HTTP2ClientConnection?
    var idle: [HTTP1ClientConnection] = []
    var http1Count: Int = 0
    var speaksHTTP1: Bool = false
    var connecting: Int = 0
    var waiters: CircularBuffer<(id: UInt64, waiter: Waiter)> = CircularBuffer()
    var nextWaiter: UInt64 = 0
    var target: Int = 0
    var closed: Bool = false
  }
  private let state: Mutex<State> = Mutex(State())
  private let configuration: HTTPClientConfiguration
  private let connector: ClientConnector

  init(_ configuration: HTTPClientConfiguration, eventLoop: any EventLoop) {
    self.configuration = configuration
    connector = ClientConnector(configuration: configuration, eventLoop: eventLoop)
  }

  var currentTarget: HTTPClientConfiguration.Target { configuration.targets[state.withLock { $0.target }] }

  /// Puts the exchange on a connection. True if that connection had served before.
  func start(_ exchange: ClientExchange) async throws -> Bool {
    while true {
      try Task.checkCancellation()
      switch state.withLock({ decide(&$0) }) {
      case .take(let connection, let reused):
        run(exchange, on: connection)
        return reused
      case .connect:
        run(exchange, on: try await connect())
        return false
      case .wait: try await waitTurn()
      case .refuse(let error): throw error
      }
    }
  }

  private func decide(_ state: inout State) -> Outcome {
    if state.closed { return .refuse(HTTPError(.connectFailed, "This client was closed.")) }
    if let http2 = state.http2 {
      if http2.isUsable { return .take(.http2(http2), reused: true) }
      state.http2 = nil
    }
    while let idle: HTTP1ClientConnection = state.idle.popLast() {
      if idle.isUsable { return .take(.http1(idle), reused: true) }
      state.http1Count -= 1
    }
    let room: Bool = state.speaksHTTP1 ? state.http1Count + state.connecting < configuration.http1Connections : state.connecting == 0
    if room {
      state.connecting += 1
      return .connect
    }
    if state.waiters.count >= configuration.waitingRequests {
      return .refuse(HTTPError(.tooManyRequests, "\(state.waiters.count) requests wait for a connection to \(configuration.targets)."))
    }
    return .wait
  }

  private func connect() async throws -> ClientConnector.Connection {
    let count: Int = configuration.targets.count
    let first: Int = state.withLock { $0.target }
    var failure: (any Error)?
    for offset in 0..<count {
      let index: Int = (first + offset) % count
      do {
        let connection: ClientConnector.Connection = try await connector.connect(to: configuration.targets[index])
        connected(connection, target: index)
        return connection
      } catch {
        failure = error
        if Task.isCancelled { break }
      }
    }
    let waiters: [Waiter] = state.withLock { state in
      state.connecting -= 1
      // The next request begins with the next target, so that a target that only half works does not hold everyone.
      state.target = (first + 1) % count
      defer { state.waiters.removeAll() }
      return state.waiters.map(\.waiter)
    }
    let error: HTTPError =
      failure as? HTTPError ?? HTTPError(.connectFailed, "No target of \(configuration.targets) can be reached.", cause: failure)
    let cancelled: Bool = Task.isCancelled
    // A cancelled attempt says nothing about the targets: the others try for themselves.
    for waiter in waiters { cancelled ? waiter.resume() : waiter.resume(throwing: error) }
    throw error
  }

  private func connected(_ connection: ClientConnector.Connection, target: Int) {
    let (waiters, closed): ([Waiter], Bool) = state.withLock { state in
      state.connecting -= 1
      state.target = target
      switch connection {
      case .http2(let http2):
        state.http2 = http2
        state.speaksHTTP1 = false
      case .http1:
        state.http1Count += 1
        state.speaksHTTP1 = true
      }
      defer { state.waiters.removeAll() }
      return (state.waiters.map(\.waiter), state.closed)
    }
    if closed { close(connection) }
    for waiter in waiters { waiter.resume() }
  }

  private func run(_ exchange: ClientExchange, on connection: ClientConnector.Connection) {
    switch connection {
    case .http2(let http2): http2.start(exchange)
    case .http1(let http1): http1.start(exchange) { [weak self] reusable in self?.finished(http1, reusable: reusable) }
    }
  }

  private func finished(_ connection: HTTP1ClientConnection, reusable: Bool) {
    let waiter: Waiter? = state.withLock { state in
      if reusable, !state.closed, connection.isUsable { state.idle.append(connection) } else { state.http1Count -= 1 }
      return state.waiters.popFirst()?.waiter
    }
    waiter?.resume()
    if state.withLock({ $0.closed }) { connection.close() }
  }

  private func waitTurn() async throws {
    let id: UInt64 = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: Waiter) in
        let now: Bool = state.withLock { state in
          // Something may have become free between the decision and here.
          let free: Bool = state.closed || !state.idle.isEmpty || state.http2 != nil || (state.connecting == 0 && !state.speaksHTTP1)
          if free || Task.isCancelled || (state.speaksHTTP1 && state.http1Count + state.connecting < configuration.http1Connections) {
            return true
          }
          state.waiters.append((id, continuation))
          return false
        }
        if now { continuation.resume() }
      }
    } onCancel: {
      let waiter: Waiter? = state.withLock { state in
        guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return state.waiters.remove(at: index).waiter
      }
      waiter?.resume(throwing: HTTPError(.cancelled, "The request's task was cancelled while it waited for a connection."))
    }
  }

  private func close(_ connection: ClientConnector.Connection) {
    switch connection {
    case .http1(let http1): http1.close()
    case .http2(let http2): http2.close()
    }
  }

  func close() {
    let (http2, idle, waiters) = state.withLock { state -> (HTTP2ClientConnection?, [HTTP1ClientConnection], [Waiter]) in
      state.closed = true
      defer {
        state.http2 = nil
        state.idle = []
        state.waiters.removeAll()
      }
      return (state.http2, state.idle, state.waiters.map(\.waiter))
    }
    http2?.close()
    for connection in idle { connection.close() }
    for waiter in waiters { waiter.resume(throwing: HTTPError(.connectFailed, "This client was closed.")) }
  }
}
