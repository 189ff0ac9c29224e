import HTTP
import Keyspace
import NIOCore
import Primitives

/// One `Watch` call: many watches on one stream, created, cancelled and asked for progress while events flow.
///
///     client ── create/cancel/progress ─▶ WatchStream ─▶ WatchPump ─▶ store.watch, cursor.next
///     client ◀─ created, events, canceled ── WatchStream ◀── batch ──┘   (paused while the client does not read)
final class WatchStream: GRPCCallHandler {
  static let path: String = "/etcdserverpb.Watch/Watch"

  private struct Watcher {
    var pump: WatchPump
    var create: WatchMessage.Create
    /// The newest revision before the store was asked: a client that resumes after it misses nothing.
    var openedAt: Int64
    /// Everything up to here was told.
    var told: Int64 = 0
    /// An empty batch is wanted by `progress_notify`.
    var owesProgress: Bool = false
    var eventsSinceTick: Bool = false
  }
  private let service: EtcdService
  private let tally: StreamTally
  private var watchers: [Int64: Watcher] = [:]
  private var lastID: Int64 = -1
  private var openings = WatchOpenings()
  /// Watches that have not yet answered a progress request that concerns the whole stream.
  private var progressMissing: Set<Int64>?
  /// Pumps of watches that are open, and not announced yet: others were asked for before.
  private var parked: [Int64: CheckedContinuation<Void, Never>] = [:]
  /// Pumps that wait until the client reads again.
  private var blocked: [CheckedContinuation<Void, Never>] = []
  private var timers: [RepeatedTask] = []
  private var leaderless: Int64 = 0
  private var halfClosed: Bool = false

  init(_ service: EtcdService, _ tally: StreamTally) {
    self.service = service
    self.tally = tally
    service.metrics.watchStreams(1)
  }

  deinit { service.metrics.watchStreams(-1) }

  func onMessage(_ message: ByteBuffer, _ call: GRPCCall) {
    tally.received(bytes: message.readableBytes)
    if timers.isEmpty { startTimers(call) }
    do {
      switch try WatchMessage(ProtobufReader(message)) {
      case .create(let create): open(create, call)
      case .cancel(let watchID):
        guard let watcher: Watcher = watchers.removeValue(forKey: watchID) else { return }
        watcher.pump.cancel()
        var answer = WatchAnswer(header: service.header(), watchID: watchID)
        answer.canceled = true
        finish(watchID, answer, created: created(watchID, watcher.openedAt), call)
      case .progress: requestProgress(call)
      case .unknown: break
      }
    } catch {
      stop()
      tally.finish(call, EtcdError.status(error))
    }
  }

  private func open(_ create: WatchMessage.Create, _ call: GRPCCall) {
    if let refusal: String = refusal(create, call) {
      // etcd's answer where there is no such watch.
      var answer = WatchAnswer(header: service.header(), watchID: -1)
      (answer.created, answer.canceled, answer.cancelReason) = (true, true, refusal)
      return refuse(answer, call)
    }
    var id: Int64 = create.watchID
    if id == 0 {
      repeat { lastID += 1 } while watchers[lastID] != nil
      id = lastID
    }
    let full: Bool = watchers.count >= EtcdLimits.watchesPerStream
    guard watchers[id] == nil, !full else {
      // etcd's answer to an id in use, -1 because there is no such watch.
      var answer = WatchAnswer(header: service.header(), watchID: -1)
      answer.created = true
      answer.canceled = true
      answer.cancelReason =
        full
        ? "etcdserver: more than \(EtcdLimits.watchesPerStream) watches on one stream"
        : "mvcc: duplicate watch ID provided on the WatchStream"
      return refuse(answer, call)
    }
    let pump = WatchPump()
    openings.begin(id)
    watchers[id] = Watcher(pump: pump, create: create, openedAt: service.directory.revision)
    let loop: any EventLoop = call.eventLoop
    let bound = NIOLoopBound((self, call), eventLoop: loop)
    pump.start(service.store, create.request) { [id] news in
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        loop.execute {
          let (stream, call) = bound.value
          stream.take(news, id, pump, call)
          if call.isOpen, stream.watchers[id]?.pump === pump, stream.openings.isWaiting(id) {
            stream.parked[id] = continuation
          } else if call.isOpen, !call.isWritable {
            stream.blocked.append(continuation)
          } else {
            continuation.resume()
          }
        }
      }
    }
  }

  /// Why a watch is not opened, in etcd's words.
  private func refusal(_ create: WatchMessage.Create, _ call: GRPCCall) -> String? {
    if create.startsBeforeHistory { return "etcdserver: mvcc: required revision has been compacted" }
    do {
      let range: KeyRange = create.request.range
      try service.identify(Credentials(call)).mayRead(range)
      if let end: Bytes = range.end, end != [0], !range.key.precedes(end) { return "mvcc: watcher range is empty" }
      return nil
    } catch {
      let status: GRPCStatus = EtcdError.status(error)
      return "rpc error: code = \(status.code.name) desc = \(status.message)"
    }
  }

  private func take(_ news: WatchPump.News, _ id: Int64, _ pump: WatchPump, _ call: GRPCCall) {
    // A cancelled watch, or a new one under the same id: the old one's last words concern nobody.
    guard watchers[id]?.pump === pump, call.isOpen else { return pump.cancel() }
    switch news {
    case .opened:
      openings.ready(id, [created(id, watchers[id]?.openedAt)])
      announce(call)
    case .batch(let batch):
      watchers[id]?.told = batch.revision
      if !batch.events.isEmpty {
        watchers[id]?.eventsSinceTick = true
        service.metrics.watchEvents.increment(by: batch.events.count)
        sendEvents(batch, id, fragment: watchers[id]?.create.fragment ?? false, call)
      } else if watchers[id]?.owesProgress ?? false {
        watchers[id]?.owesProgress = false
        send(WatchAnswer(header: service.header(revision: batch.revision), watchID: id), call)
      }
      answered(id, call)
    case .failed(let error):
      let openedAt: Int64? = watchers.removeValue(forKey: id)?.openedAt
      finish(id, ending(error, id), created: created(id, openedAt), call)
    }
  }

  private func created(_ id: Int64, _ revision: Int64?) -> WatchAnswer {
    var answer = WatchAnswer(header: service.header(revision: revision), watchID: id)
    answer.created = true
    return answer
  }

  /// The last word on a watch; one that was not announced yet is announced first.
  private func finish(_ id: Int64, _ answer: WatchAnswer, created: WatchAnswer, _ call: GRPCCall) {
    if openings.isWaiting(id) {
      openings.ready(id, [created, answer])
      announce(call)
    } else {
      send(answer, call)
    }
    parked.removeValue(forKey: id)?.resume()
    forget(id, call)
  }

  private func refuse(_ answer: WatchAnswer, _ call: GRPCCall) {
    openings.refuse(answer)
    announce(call)
  }

  /// Says of watches that they are open in the order in which they were asked for, as etcd does: clients tell them apart by it.
  private func announce(_ call: GRPCCall) {
    for (id, answers) in openings.next() {
      for answer in answers { send(answer, call) }
      if let id { parked.removeValue(forKey: id)?.resume() }
    }
  }

  /// A watch that ends without being asked: compacted history, or a store that stops.
  private func ending(_ error: any Error, _ id: Int64) -> WatchAnswer {
    var answer = WatchAnswer(header: service.header(), watchID: id)
    answer.canceled = true
    if let error = error as? KeyspaceError, error.code == .compacted {
      // Clients take a compact revision above 0 for "compacted", and begin again there; etcd says no reason then.
      answer.compactRevision = max(1, service.directory.compactRevision)
    } else {
      answer.cancelReason = EtcdError.status(error).message
    }
    return answer
  }

  /// Splits a batch into responses of bounded size: between revisions for everybody, inside one only where the client can put
  /// fragments together again.
  private func sendEvents(_ batch: WatchBatch, _ id: Int64, fragment: Bool, _ call: GRPCCall) {
    var start: Int = 0
    while start < batch.events.count {
      let (end, isFragment): (Int, Bool) = WatchSplit.end(
        of: batch.events, from: start, fragment: fragment, limit: EtcdLimits.watchResponseBytes)
      let last: Bool = end == batch.events.count
      var answer = WatchAnswer(
        header: service.header(revision: last ? batch.revision : batch.events[end - 1].keyValue.modRevision), watchID: id)
      answer.events = batch.events[start..<end]
      answer.fragment = isFragment
      send(answer, call)
      start = end
    }
  }

  private func send(_ answer: WatchAnswer, _ call: GRPCCall) {
    let size: Int = answer.events.reduce(128) { $0 + $1.approximateBytes + 16 }
    tally.sent(bytes: call.send(capacity: size) { answer.encode(&$0) })
  }

  // MARK: progress

  /// One answer for the stream, once every watch has been told everything up to a common revision.
  private func requestProgress(_ call: GRPCCall) {
    guard !watchers.isEmpty else { return }
    progressMissing = Set(watchers.keys)
    for watcher in watchers.values { watcher.pump.requestProgress() }
  }

  private func answered(_ id: Int64, _ call: GRPCCall) {
    guard progressMissing != nil else { return }
    progressMissing?.remove(id)
    guard progressMissing?.isEmpty ?? false else { return }
    progressMissing = nil
    let revision: Int64 = watchers.values.map(\.told).min() ?? service.directory.revision
    send(WatchAnswer(header: service.header(revision: revision), watchID: WatchAnswer.wholeStream), call)
  }

  /// A watch that is gone owes no progress.
  private func forget(_ id: Int64, _ call: GRPCCall) {
    if watchers.isEmpty { progressMissing = nil } else { answered(id, call) }
    if halfClosed, watchers.isEmpty { end(call) }
  }

  // MARK: timers

  private func startTimers(_ call: GRPCCall) {
    let bound = NIOLoopBound((self, call), eventLoop: call.eventLoop)
    let interval = TimeAmount.nanoseconds(service.options.watchProgressInterval.inNanoseconds)
    timers.append(
      call.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in bound.value.0.notifyProgress() })
    guard call.metadata("hasleader") == "true" else { return }
    let beat: TimeAmount = .milliseconds(500)
    timers.append(call.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: beat) { _ in bound.value.0.checkLeader(bound.value.1) })
  }

  private func notifyProgress() {
    for (id, watcher) in watchers where watcher.create.progressNotify {
      if !watcher.eventsSinceTick {
        watchers[id]?.owesProgress = true
        watcher.pump.requestProgress()
      }
      watchers[id]?.eventsSinceTick = false
    }
  }

  /// For clients that asked for it (`WithRequireLeader`): a member that is cut off must not keep them waiting.
  private func checkLeader(_ call: GRPCCall) {
    leaderless = service.directory.leader == nil ? leaderless + 500 : 0
    guard leaderless >= EtcdLimits.leaderLossMilliseconds else { return }
    stop()
    tally.finish(call, EtcdError.status(KeyspaceError(.noLeader, "no leader for \(leaderless) ms")))
  }

  func onWritable(_ call: GRPCCall) { release() }

  private func release() {
    let waiting: [CheckedContinuation<Void, Never>] = blocked
    blocked = []
    for continuation in waiting { continuation.resume() }
  }

  private func releaseParked() {
    let waiting: [Int64: CheckedContinuation<Void, Never>] = parked
    parked = [:]
    for continuation in waiting.values { continuation.resume() }
  }

  /// The client sends no more: its watches go on, as etcd's do, until it leaves. Without a watch nothing can come any more.
  func onHalfClose(_ call: GRPCCall) {
    halfClosed = true
    if watchers.isEmpty { end(call) }
  }

  private func end(_ call: GRPCCall) {
    stop()
    tally.finish(call)
  }

  func onCancel() {
    tally.ended(.cancelled)
    stop()
  }

  private func stop() {
    for timer in timers { timer.cancel() }
    timers = []
    for watcher in watchers.values { watcher.pump.cancel() }
    watchers = [:]
    openings = WatchOpenings()
    release()
    releaseParked()
  }
}
