import HTTP
import HTTPTypes
import KubeModel
import Keyspace
import NIOCore
import Primitives

extension Handlers {
  /// Streams changes until the time is over, the client goes away, or it was too slow.
  ///
  /// ```
  /// no version        state by quorum as ADDED … then changes
  /// version 0         state of the cache as ADDED … then changes
  /// version N         changes after N: from the ring, before it from the store's history, before that 410
  /// sendInitialEvents state not older than the version as ADDED, a marked BOOKMARK, then changes
  /// ```
  func watch(_ resource: Resource, _ context: RequestContext, through response: any ResponseWriter) async throws {
    let options = try ListOptions(context.info, definition: resource.definition, limits: limits)
    let end: MonotonicTime = clock.now() + .seconds(watchSeconds(options))
    let tables = TableOutput(resource: resource, includeObject: context.info.query["includeObject"], now: clock.wall())
    var stream = WatchStream(
      handlers: self, resource: resource, filter: options.filter, response: response,
      frames: WatchFrames(resource: resource, form: context.form, tables: tables), bookmarks: options.allowBookmarks)
    let wantsState: Bool = options.sendInitialEvents ?? ((options.resourceVersion ?? 0) == 0)
    if let version: Int64 = options.resourceVersion {
      if wantsState || version == 0 { try await wait(resource, for: version) }
    } else {
      try await synchronize(resource)
    }
    let snapshot: WatchHub.Snapshot = resource.hub.snapshot()
    var head = HTTPResponse(status: .ok)
    head.headerFields[.contentType] = "application/json"
    head.headerFields[.cacheControl] = "no-cache, private"
    try await response.send(head)
    do {
      if wantsState {
        try await stream.sendState(snapshot, marked: options.sendInitialEvents == true)
      } else if let version: Int64 = options.resourceVersion, version > 0 {
        try await stream.start(after: version)
      } else {
        stream.sequence = snapshot.sequence
      }
      try await stream.run(until: end)
    } catch let error as KubeStatus {
      stream.frames.appendError(error)
      try await stream.flush()
    }
    try await response.finish()
  }

  private func watchSeconds(_ options: ListOptions) -> Int64 {
    if let asked: Int64 = options.timeoutSeconds, asked > 0 { return min(asked, limits.watchSeconds.upperBound) }
    return names.seconds(in: limits.watchSeconds)
  }
}

/// One watcher under way.
struct WatchStream {
  let handlers: Handlers
  let resource: Resource
  let filter: WatchFilter
  let response: any ResponseWriter
  var frames: WatchFrames
  let bookmarks: Bool
  /// The next change to look at.
  var sequence: Int64 = 0
  /// Changes up to this revision are known to the client already.
  private var known: Int64 = 0

  init(handlers: Handlers, resource: Resource, filter: WatchFilter, response: any ResponseWriter, frames: WatchFrames, bookmarks: Bool) {
    self.handlers = handlers
    self.resource = resource
    self.filter = filter
    self.response = response
    self.frames = frames
    self.bookmarks = bookmarks
  }

  mutating func flush() async throws {
    if !frames.isEmpty { try await response.write(frames.take()) }
  }

  private mutating func flushIfFull() async throws {
    if frames.count >= handlers.limits.watchWriteBytes { try await flush() }
  }

  mutating func sendState(_ snapshot: WatchHub.Snapshot, marked: Bool) async throws {
    var objects: [StoredObject] = []
    let folder: Bytes = filter.namespace.isEmpty ? [] : Bytes("\(filter.namespace)/")
    snapshot.objects.walk(from: folder) { object in
      if !folder.isEmpty, !object.path.starts(with: folder) { return false }
      if filter.matches(object) { objects.append(object) }
      return true
    }
    let now: WallTime = handlers.clock.wall()
    for object in objects {
      try frames.append(.added, object, now: now)
      try await flushIfFull()
    }
    if marked { frames.appendBookmark(revision: snapshot.revision, initialEventsEnd: true) }
    try await flush()
    sequence = snapshot.sequence
    known = snapshot.revision
  }

  mutating func start(after version: Int64) async throws {
    known = version
    let (place, oldest): (Int64?, Int64) = resource.hub.place(after: version)
    if let place {
      sequence = place
      return
    }
    guard resource.hub.isLoaded else { throw KubeStatus.tooManyRequests("storage is (re)initializing") }
    try await replay(after: version, oldest: oldest)
    let (reached, stillOldest): (Int64?, Int64) = resource.hub.place(after: known)
    guard let reached else { throw KubeStatus.tooOld(version, oldest: stillOldest) }
    sequence = reached
  }

  /// Tells what the ring has dropped out of the store's history, as far as that is kept: after a restart every client comes back with a
  /// version from before, and none of them needs to list again.
  private mutating func replay(after version: Int64, oldest: Int64) async throws {
    do {
      let cursor: any WatchCursor = try await handlers.storage.store.watch(
        WatchRequest(.prefix(resource.folder), startRevision: version + 1, previous: true))
      defer { cursor.cancel() }
      while known < oldest {
        cursor.requestProgress()
        let batch: WatchBatch = try await cursor.next(limit: handlers.limits.storeBatch)
        for event in batch.events {
          if let entry: WatchEntry = entry(event) { try append(entry) }
          try await flushIfFull()
        }
        known = max(known, batch.revision)
      }
      try await flush()
    } catch let error as KeyspaceError where error.code == .compacted {
      throw KubeStatus.tooOld(version, oldest: oldest)
    } catch let error as KeyspaceError {
      throw StoreWaits.status(error)
    }
  }

  private func entry(_ event: Event) -> WatchEntry? {
    let previous: StoredObject? = event.previous.map { handlers.storage.stored(resource, $0) }
    switch event.kind {
    case .put:
      return WatchEntry(
        kind: event.keyValue.version == 1 ? .added : .modified, object: handlers.storage.stored(resource, event.keyValue),
        previous: previous)
    case .delete:
      return previous.map { WatchEntry(kind: .deleted, object: StoredObject($0, at: event.keyValue.modRevision)) }
    }
  }

  private mutating func append(_ entry: WatchEntry) throws {
    guard let (kind, object): (WatchEntry.Kind, StoredObject) = filter.view(entry) else { return }
    try frames.append(kind, object, now: handlers.clock.wall())
  }

  mutating func run(until end: MonotonicTime) async throws {
    let interval: Duration = handlers.limits.bookmarkInterval
    var nextBookmark: MonotonicTime = handlers.clock.now() + interval
    while true {
      switch resource.hub.read(from: sequence, limit: 256) {
      case .lost(let oldest): throw KubeStatus.tooOld(known, oldest: oldest)
      case .entries(let entries, let next, let revision):
        for entry in entries where entry.object.revision > known {
          try append(entry)
          try await flushIfFull()
        }
        sequence = next
        known = max(known, revision)
        try await flush()
        if !entries.isEmpty { continue }
      }
      let now: MonotonicTime = handlers.clock.now()
      if now >= end {
        if bookmarks { frames.appendBookmark(revision: known, initialEventsEnd: false) }
        try await flush()
        return
      }
      if now >= nextBookmark {
        if bookmarks { frames.appendBookmark(revision: known, initialEventsEnd: false) }
        try await flush()
        nextBookmark = now + interval
      }
      let wake: WatchHub.Wake = await resource.hub.wait(
        from: sequence, filter: filter, deadline: bookmarks ? min(end, nextBookmark) : end)
      switch wake {
      case .ready(let from): sequence = from
      case .timedOut(let from): sequence = from
      case .cancelled: return
      }
    }
  }
}
