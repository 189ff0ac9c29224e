import NIOCore
import Synchronization

/// The connections of one listener: counted against the limit, told to finish at shutdown.
final class ConnectionRegistry: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var draining: Bool = false
    /// Whoever waits: the server's own task, and the one that stops it.
    var emptied: [CheckedContinuation<Void, Never>] = []
  }
  private let state: Mutex<State> = Mutex(State())
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  var count: Int { state.withLock { $0.channels.count } }

  /// False: over the limit, or shutting down.
  func add(_ channel: any Channel) -> Bool {
    let id = ObjectIdentifier(channel)
    let added: Bool = state.withLock { state in
      guard !state.draining, state.channels.count < limit else { return false }
      state.channels[id] = channel
      return true
    }
    if added { channel.closeFuture.whenComplete { [weak self] _ in self?.remove(id) } }
    return added
  }

  private func remove(_ id: ObjectIdentifier) {
    let emptied = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      state.channels[id] = nil
      guard state.channels.isEmpty else { return [] }
      defer { state.emptied = [] }
      return state.emptied
    }
    for waiter in emptied { waiter.resume() }
  }

  /// Tells every connection to finish what it does and close (GOAWAY on HTTP/2).
  func drain() {
    let channels: [any Channel] = state.withLock { state in
      state.draining = true
      return Array(state.channels.values)
    }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
  }

  func closeAll() {
    for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
  }

  func whenEmpty() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let empty: Bool = state.withLock { state in
        if state.channels.isEmpty { return true }
        state.emptied.append(continuation)
        return false
      }
      if empty { continuation.resume() }
    }
  }
}
