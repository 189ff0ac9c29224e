import HTTPTypes
import KubeModel
import NIOCore

extension Handlers {
  /// PATCH in the four formats, of an object or its status.
  func patch(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    let options = try WriteOptions(context)
    let format: PatchFormat = try patchFormat(context)
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    if format == .apply { return try await apply(resource, context, options, body) }
    if options.force != nil {
      throw KubeStatus.forbiddenOption("PatchOptions", "force", "may not be specified for non-apply patch")
    }
    let document: RequestDocument = try BodyDecoding.json(body)
    if format == .json, document.value.array.count > limits.patchOperations {
      throw KubeStatus(
        code: 413, reason: "RequestEntityTooLarge",
        message: "The allowed maximum operations in a JSON patch is \(limits.patchOperations), got \(document.value.array.count)")
    }
    var warnings: [String] = []
    let changed: Changed = try await guaranteedUpdate(resource, context.info, dryRun: options.isDryRun) { old in
      let patched: JSONValue = try patched(old, document.value, format, resource)
      var wanted = KubeObject(patched)
      try checkKind(wanted, kind: resource.name.kind, apiVersion: resource.name.apiVersion)
      let understood: UnderstoodObject = try finish(&wanted, duplicates: document.duplicates, resource, options)
      warnings = understood.warnings
      wanted = understood.object
      try identify(&wanted, resource, context.info)
      return try await prepareUpdate(
        resource, old: old, wanted, subresource: context.info.subresource, options: options, user: context.user)
    }
    var reply: Reply = try reply(changed, resource, context)
    reply.warnings = warnings
    return reply
  }

  func patchFormat(_ context: RequestContext) throws -> PatchFormat {
    let type: String = BodyDecoding.mediaType(context.request.head)
    if type == "application/apply-patch+json" { return .apply }
    guard let format = PatchFormat(rawValue: type) else {
      throw KubeStatus.unsupportedMediaType(accepted: PatchFormat.allCases.map(\.rawValue))
    }
    return format
  }

  /// The object with the patch applied. A patch that names a resource version asks for that one; one that does not takes any.
  func patched(_ old: KubeObject, _ patch: JSONValue, _ format: PatchFormat, _ resource: Resource) throws -> JSONValue {
    do {
      return try Patches.apply(format, patch, to: old.json, type: .object(resource.definition.type))
    } catch {
      if error.code == .patchTestFailed {
        throw KubeStatus(
          code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request: \(error.message)")
      }
      throw KubeStatus.badRequest(error.message)
    }
  }

  /// Server-side apply: creates the object if it is not there.
  /// https://kubernetes.io/docs/reference/using-api/server-side-apply/
  private func apply(_ resource: Resource, _ context: RequestContext, _ options: WriteOptions, _ body: ByteBuffer) async throws -> Reply {
    guard context.info.query["fieldManager"] != nil else {
      throw KubeStatus.invalid(
        group: "meta.k8s.io", kind: "PatchOptions", name: "", [.required(FieldPath("fieldManager"), "is required for apply patch")])
    }
    let document: RequestDocument
    if BodyDecoding.mediaType(context.request.head) == "application/apply-patch+json" {
      document = try BodyDecoding.json(body)
    } else {
      document = RequestDocument(value: try YAMLDocument.json(String(buffer: body)), duplicates: [])
    }
    var applied = KubeObject(document.value)
    guard case .object = applied.json else { throw KubeStatus.badRequest("the body of an apply patch must be an object") }
    try checkKind(applied, kind: resource.name.kind, apiVersion: resource.name.apiVersion)
    guard applied.metadata["managedFields"].isNull else { throw KubeStatus.badRequest("metadata.managedFields must be nil") }
    // Apply takes the object as its manager means it: checked and pruned, but without defaults, which would become the manager's.
    let decoded: DecodedObject = resource.definition.decode(applied.json)
    let isStrict: Bool = options.validation == .strict
    if let refusal: KubeStatus = resource.definition.refusal(of: decoded, duplicates: document.duplicates, strict: isStrict) {
      throw refusal
    }
    applied = decoded.object
    let findings: [String] = ResourceDefinition.warnings(unknown: decoded.unknownFields, duplicates: document.duplicates)
    try identify(&applied, resource, context.info)
    var reply: Reply
    do {
      let changed: Changed = try await guaranteedUpdate(resource, context.info, dryRun: options.isDryRun) { old in
        try await change(resource, context, options, applied: applied, old: old)
      }
      reply = try self.reply(changed, resource, context)
    } catch let error as KubeStatus where error == .notFound(resource.name, name: context.info.name) {
      guard context.info.subresource.isEmpty else { throw error }
      reply = try await createByApply(resource, context, options, applied: applied)
    }
    if options.validation == .warn { reply.warnings = findings }
    return reply
  }

  private func change(
    _ resource: Resource, _ context: RequestContext, _ options: WriteOptions, applied: KubeObject, old: KubeObject
  ) async throws -> Change {
    if !applied.resourceVersion.isEmpty, applied.resourceVersion != old.resourceVersion {
      throw KubeStatus.conflict(resource.name, name: old.name)
    }
    var wanted: KubeObject = try ServerSideApply.apply(
      live: old, applied: applied, manager: options.fieldManager, force: options.force ?? false, definition: resource.definition,
      subresource: context.info.subresource, now: clock.wall())
    resource.definition.applyDefaults(&wanted)
    wanted.json["metadata"]["resourceVersion"] = .string(old.resourceVersion)
    wanted.json["metadata"]["uid"] = .string(old.uid)
    return try await prepareUpdate(
      resource, old: old, wanted, subresource: context.info.subresource, options: options, user: context.user, manages: false)
  }

  private func createByApply(
    _ resource: Resource, _ context: RequestContext, _ options: WriteOptions, applied: KubeObject
  ) async throws -> Reply {
    guard applied.uid.isEmpty else {
      throw KubeStatus.conflict(
        resource.name, name: applied.name,
        "uid mismatch: the provided object specified uid \(applied.uid), and no existing object was found")
    }
    var wanted: KubeObject = try ServerSideApply.apply(
      live: nil, applied: applied, manager: options.fieldManager, force: options.force ?? false, definition: resource.definition,
      now: clock.wall())
    wanted.kind = resource.name.kind
    wanted.apiVersion = resource.name.apiVersion
    resource.definition.applyDefaults(&wanted)
    let stored: KubeObject = try await insert(resource, wanted, options, user: context.user, manages: false)
    return try reply(stored, resource, context.form, status: 201)
  }
}
