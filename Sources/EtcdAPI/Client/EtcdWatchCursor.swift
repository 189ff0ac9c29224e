import HTTP
import Keyspace
import NIOCore
import Primitives
import Synchronization

/// One watch on a stream of its own. A stream that breaks is opened again from the revision after the last event told, so
/// that nothing is missed; after `attempts` failures in a row `next` throws.
final class EtcdWatchCursor: WatchCursor {
  private static let attempts: Int = 8

  private struct State {
    var stream: GRPCClientStream?
    var cancelled: Bool = false
    /// The first revision not told yet; 0 until the server says where now is.
    var position: Int64
    /// Received and not yet taken.
    var rest: ArraySlice<Event> = []
    var restRevision: Int64 = 0
    /// Events of fragments whose last one has not come yet.
    var fragments: [Event] = []
  }
  private let client: GRPCClient
  private let request: WatchRequest
  private let metadata: [(String, String)]
  private let state: Mutex<State>

  init(_ client: GRPCClient, _ request: WatchRequest, _ metadata: [(String, String)] = []) {
    self.client = client
    self.metadata = metadata
    self.request = request
    state = Mutex(State(position: request.startRevision))
  }

  deinit { state.withLock { $0.stream }?.cancel() }

  /// Opens the stream and waits until the server has created the watch.
  func open() async throws {
    let stream: GRPCClientStream = try await client.stream(WatchStream.path, metadata: metadata)
    var create = WatchMessage.Create()
    create.request = request
    create.request.startRevision = state.withLock { $0.position }
    create.fragment = true
    let message = WatchMessage.create(create)
    try await stream.send { message.encode(&$0) }
    guard let reader: ProtobufReader = try await stream.next() else { throw GRPCStatus(.unavailable, "The server ended the watch stream.") }
    let answer = try WatchAnswer(reader)
    guard answer.created, !answer.canceled else { throw failure(answer) }
    let cancelled: Bool = state.withLock { state in
      state.stream = stream
      state.fragments = []
      if state.position == 0 { state.position = answer.header.revision + 1 }
      return state.cancelled
    }
    if cancelled {
      stream.cancel()
      throw KeyspaceError(.cancelled, "The watch was cancelled.")
    }
  }

  private func failure(_ answer: WatchAnswer) -> KeyspaceError {
    if answer.compactRevision > 0 {
      return KeyspaceError(.compacted, "The watch's place was compacted away; history begins at revision \(answer.compactRevision).")
    }
    return EtcdError.keyspaceError(
      GRPCStatus(.unavailable, answer.cancelReason.isEmpty ? "The server cancelled the watch." : answer.cancelReason))
  }

  func next(limit: Int) async throws -> WatchBatch {
    var failures: Int = 0
    while true {
      if let batch: WatchBatch = takeRest(limit) { return batch }
      let (stream, cancelled): (GRPCClientStream?, Bool) = state.withLock { ($0.stream, $0.cancelled) }
      if cancelled { throw KeyspaceError(.cancelled, "The watch was cancelled.") }
      do {
        guard let stream else {
          try await open()
          continue
        }
        guard let reader: ProtobufReader = try await stream.next() else {
          throw GRPCStatus(.unavailable, "The server ended the watch stream.")
        }
        let answer = try WatchAnswer(reader)
        if answer.canceled { throw failure(answer) }
        failures = 0
        if let progress: WatchBatch = take(answer) { return progress }
      } catch {
        let known: KeyspaceError = EtcdError.keyspaceError(error)
        if state.withLock({ $0.cancelled }) || Task.isCancelled {
          throw KeyspaceError(.cancelled, "The watch was cancelled.", cause: error)
        }
        failures += 1
        state.withLock { $0.stream = nil }
        if known.code == .compacted || known.code == .emptyKey || known.code == .unsupported || failures >= Self.attempts { throw known }
        try? await Task.sleep(for: .milliseconds(min(1_000, 20 << failures)))
      }
    }
  }

  private func takeRest(_ limit: Int) -> WatchBatch? {
    state.withLock { state in
      guard !state.rest.isEmpty else { return nil }
      var count: Int = min(max(1, limit), state.rest.count)
      let first: Int = state.rest.startIndex
      if count < state.rest.count {
        // Back to a revision's end; a revision alone larger than the limit is split.
        var cut: Int = count
        while cut > 0, state.rest[first + cut - 1].keyValue.modRevision == state.rest[first + cut].keyValue.modRevision { cut -= 1 }
        if cut > 0 { count = cut }
      }
      let events: ArraySlice<Event> = state.rest.prefix(count)
      state.rest = state.rest.dropFirst(count)
      let revision: Int64 = state.rest.isEmpty ? state.restRevision : events[events.endIndex - 1].keyValue.modRevision
      return WatchBatch(revision: revision, events: Array(events))
    }
  }

  /// Keeps events for `takeRest`; returns a batch only for progress.
  private func take(_ answer: WatchAnswer) -> WatchBatch? {
    state.withLock { state in
      if answer.events.isEmpty {
        if answer.created { return nil }
        state.position = max(state.position, answer.header.revision + 1)
        return WatchBatch(revision: answer.header.revision, events: [])
      }
      state.fragments += answer.events
      if answer.fragment { return nil }
      // What a stream opened again tells a second time was told already.
      let fresh: [Event] = state.fragments.filter { $0.keyValue.modRevision >= state.position }
      state.fragments = []
      guard let last: Event = fresh.last else { return nil }
      state.position = last.keyValue.modRevision + 1
      // An etcd's header may tell a newer revision than what it has sent so far: only events say how far they go.
      state.restRevision = last.keyValue.modRevision
      state.rest = fresh[...]
      return nil
    }
  }

  func requestProgress() {
    guard let stream: GRPCClientStream = state.withLock({ $0.stream }) else { return }
    Task { try? await stream.send { WatchMessage.progress.encode(&$0) } }
  }

  func cancel() {
    let stream: GRPCClientStream? = state.withLock { state in
      state.cancelled = true
      return state.stream
    }
    stream?.cancel()
  }
}
