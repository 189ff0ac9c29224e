import KubeModel
import Keyspace
import NIOCore
import Primitives

extension Handlers {
  /// A page of objects at one revision.
  struct Page: Sendable {
    var objects: [StoredObject]
    var revision: Int64
    var continueToken: String = ""
    var remaining: Int64?
  }

  func list(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    let options = try ListOptions(context.info, definition: resource.definition, limits: limits)
    let page: Page = try await page(resource, options)
    var body = ListBody(
      kind: resource.listKind, apiVersion: resource.name.apiVersion, revision: page.revision, continueToken: page.continueToken,
      remaining: page.remaining)
    switch context.form {
    case .whole: return Reply(body: body.encode(page.objects.map(\.encoded)))
    case .metadata:
      body.kind = "PartialObjectMetadataList"
      body.apiVersion = "meta.k8s.io/v1"
      return Reply(body: body.encode(page.objects.map { PartialMetadata.encode($0.encoded) }))
    case .table:
      let tables = TableOutput(resource: resource, includeObject: context.info.query["includeObject"], now: clock.wall())
      return Reply(try tables.document(rows: page.objects, metadata: body.metadata, withColumns: true))
    }
  }

  /// From the cache unless an exact older state is asked for; that comes from the store's history.
  func page(_ resource: Resource, _ options: ListOptions) async throws -> Page {
    if let text: String = options.continueToken {
      let token = try ContinueToken(text)
      if token.revision < 0 {
        try await synchronize(resource)
        return page(from: resource.hub.snapshot(), after: token.after, options, keepsRevision: false)
      }
      return try await page(resource, at: token.revision, after: token.after, options, isContinuation: true)
    }
    switch (options.resourceVersion, options.match) {
    case (let version?, .exact?): return try await page(resource, at: version, after: nil, options, isContinuation: false)
    case (let version?, nil) where version > 0 && options.limit > 0:
      // Kubernetes' legacy reading of a version with a limit.
      return try await page(resource, at: version, after: nil, options, isContinuation: false)
    case (let version?, _): try await wait(resource, for: version)
    case (nil, _): try await synchronize(resource)
    }
    return page(from: resource.hub.snapshot(), after: nil, options, keepsRevision: true)
  }

  /// Where a walk over a resource begins: at its namespace, or after the last path of the page before.
  private func start(_ options: ListOptions, after: Bytes?) -> Bytes {
    if let after { return after + [0] }
    return options.filter.namespace.isEmpty ? [] : Bytes("\(options.filter.namespace)/")
  }

  private func page(from snapshot: WatchHub.Snapshot, after: Bytes?, _ options: ListOptions, keepsRevision: Bool) -> Page {
    let folder: Bytes = options.filter.namespace.isEmpty ? [] : Bytes("\(options.filter.namespace)/")
    var page = Page(objects: [], revision: snapshot.revision)
    var rest: Int64 = 0
    snapshot.objects.walk(from: start(options, after: after)) { object in
      if !folder.isEmpty, !object.path.starts(with: folder) { return false }
      if options.limit > 0, page.objects.count >= options.limit {
        rest += 1
        // With a selector nobody is told how many are left, and one is enough to know that there are some.
        return !options.filter.hasSelectors
      }
      if options.filter.matches(object) { page.objects.append(object) }
      return true
    }
    if rest > 0, let last: StoredObject = page.objects.last {
      page.continueToken = ContinueToken(revision: keepsRevision ? snapshot.revision : -1, after: last.path).text
      page.remaining = options.filter.hasSelectors ? nil : rest
    }
    return page
  }

  /// The state at one revision: from the cache if nothing has changed since, else from the store's history.
  private func page(
    _ resource: Resource, at revision: Int64, after: Bytes?, _ options: ListOptions, isContinuation: Bool
  ) async throws -> Page {
    let snapshot: WatchHub.Snapshot = resource.hub.snapshot()
    if resource.hub.isLoaded, snapshot.lastChange <= revision, revision <= snapshot.revision {
      var page: Page = page(from: snapshot, after: after, options, keepsRevision: true)
      page.revision = revision
      if !page.continueToken.isEmpty, let last: StoredObject = page.objects.last {
        page.continueToken = ContinueToken(revision: revision, after: last.path).text
      }
      return page
    }
    do {
      return try await storedPage(resource, at: revision, after: after, options)
    } catch let error as KubeStatus where error.code == 410 && isContinuation {
      throw ExpiredContinuation(token: ContinueToken(revision: -1, after: after ?? []))
    }
  }

  private func storedPage(_ resource: Resource, at revision: Int64, after: Bytes?, _ options: ListOptions) async throws -> Page {
    let scope: Bytes = resource.folder + (options.filter.namespace.isEmpty ? [] : Bytes("\(options.filter.namespace)/"))
    var start: Bytes = resource.folder + self.start(options, after: after)
    var page = Page(objects: [], revision: revision)
    while true {
      let wanted: Int64 =
        options.limit > 0 && !options.filter.hasSelectors ? options.limit - Int64(page.objects.count) : Int64(limits.storePage)
      let request = RangeRequest(
        KeyRange(key: start, end: scope.prefixEnd), revision: revision, limit: min(wanted, Int64(limits.storePage)))
      let response: RangeResponse = try await storage.waits.run { try await storage.store.range(request) }
      for (index, keyValue) in response.keyValues.enumerated() {
        let object: StoredObject = storage.stored(resource, keyValue)
        if options.filter.matches(object) { page.objects.append(object) }
        if options.limit > 0, page.objects.count >= options.limit {
          let rest: Int64 = response.count - Int64(index) - 1
          if rest > 0 {
            page.continueToken = ContinueToken(revision: revision, after: object.path).text
            page.remaining = options.filter.hasSelectors ? nil : rest
          }
          return page
        }
      }
      guard response.more, let last: KeyValue = response.keyValues.last else { return page }
      start = last.key + [0]
    }
  }
}
