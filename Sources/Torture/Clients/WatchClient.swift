import EtcdAPI
import Histories
import Keyspace
import Primitives
import Synchronization

/// Follows all keys of the run at one member, from a revision on, through everything that happens to the member. A watch that ends is
/// opened again where it was, as clients do.
final class WatchClient: Sendable {
  private let api: MemberAPI
  private let recorder: Recorder
  private let record: Mutex<WatchRecord>

  init(api: MemberAPI, recorder: Recorder, from start: Int64) {
    self.api = api
    self.recorder = recorder
    record = Mutex(WatchRecord(member: api.member, prefix: RegisterClient.prefix, start: start))
  }

  var toldUpTo: Int64 { record.withLock { $0.toldUpTo } }
  var member: Int { api.member }

  /// Until everything up to `end` was told, or its task is cancelled.
  func run(upTo end: @Sendable () -> Int64?) async {
    while !Task.isCancelled {
      do {
        let cursor: any WatchCursor = try await api.store.watch(
          WatchRequest(.prefix(Bytes(RegisterClient.prefix)), startRevision: toldUpTo + 1))
        defer { cursor.cancel() }
        try await withTaskCancellationHandler {
          while !Task.isCancelled {
            take(try await cursor.next(limit: 1_000))
            if let end: Int64 = end(), toldUpTo >= end { return }
          }
        } onCancel: {
          cursor.cancel()
        }
        return
      } catch {
        try? await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  private func take(_ batch: WatchBatch) {
    let now: Moment = recorder.now()
    record.withLock { record in
      for event in batch.events {
        let change = Change(
          revision: event.keyValue.modRevision, key: event.keyValue.key.text,
          value: event.kind == .delete ? 0 : ValueText.value(event.keyValue.value) ?? .max)
        record.told.append(.init(at: now, change: change))
      }
      record.toldUpTo = max(record.toldUpTo, batch.revision)
    }
  }

  var told: WatchRecord { record.withLock { $0 } }
}
