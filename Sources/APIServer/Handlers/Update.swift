import KubeModel
import NIOCore

extension Handlers {
  /// PUT of an object, its status, or a namespace's finalizers.
  func update(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    let options = try WriteOptions(context)
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    let document: RequestDocument = try BodyDecoding.document(body, mediaType: BodyDecoding.mediaType(context.request.head))
    var understood: UnderstoodObject = try understand(document, resource, options)
    try identify(&understood.object, resource, context.info)
    let wanted: KubeObject = understood.object
    let changed: Changed = try await guaranteedUpdate(resource, context.info, dryRun: options.isDryRun) { old in
      try await prepareUpdate(
        resource, old: old, wanted, subresource: context.info.subresource, options: options, user: context.user)
    }
    var reply: Reply = try reply(changed, resource, context)
    reply.warnings = understood.warnings
    return reply
  }

  func reply(_ changed: Changed, _ resource: Resource, _ context: RequestContext, status: Int = 200) throws -> Reply {
    switch changed {
    case .stored(let object), .deleted(let object): return try reply(object, resource, context.form, status: status)
    }
  }
}
