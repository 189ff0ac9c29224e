import KubeModel
import NIOCore

extension Handlers {
  /// The `scale` subresource: `autoscaling/v1` Scale, a view of `spec.replicas`.
  func getScale(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    Reply(resource.definition.scale(of: try await object(resource, context.info).object()).json)
  }

  func updateScale(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    let options = try WriteOptions(context)
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    let wanted = KubeObject(try BodyDecoding.document(body, mediaType: BodyDecoding.mediaType(context.request.head)).value)
    try checkKind(wanted, kind: "Scale", apiVersion: "autoscaling/v1")
    return try await writeScale(resource, context, options) { _ in wanted }
  }

  func patchScale(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    let options = try WriteOptions(context)
    let format: PatchFormat = try patchFormat(context)
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    if format == .apply {
      throw KubeStatus.badRequest("the scale subresource takes JSON, merge and strategic merge patches, not apply")
    }
    let patch: JSONValue = try BodyDecoding.json(body).value
    return try await writeScale(resource, context, options) { old in KubeObject(try patched(old, patch, format, resource)) }
  }

  private func writeScale(
    _ resource: Resource, _ context: RequestContext, _ options: WriteOptions, _ wanted: (KubeObject) throws -> KubeObject
  ) async throws -> Reply {
    let changed: Changed = try await guaranteedUpdate(resource, context.info, dryRun: options.isDryRun) { old in
      let scale: KubeObject = try wanted(resource.definition.scale(of: old))
      if !scale.resourceVersion.isEmpty, scale.resourceVersion != old.resourceVersion {
        throw KubeStatus.conflict(resource.name, name: old.name)
      }
      var new: KubeObject = old
      let findings: [FieldError] = resource.definition.apply(scale: scale, to: &new)
      if !findings.isEmpty { throw KubeStatus.invalid(group: "autoscaling", kind: "Scale", name: old.name, findings) }
      return try await prepareUpdate(resource, old: old, new, subresource: "scale", options: options, user: context.user)
    }
    switch changed {
    case .stored(let object), .deleted(let object): return Reply(resource.definition.scale(of: object).json)
    }
  }
}
