import KubeModel
import NIOCore
import Primitives

extension Handlers {
  func delete(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    let options = try DeletionOptions(try await deletionBody(context), context)
    try Admission.checkDecisionDeletion(resource, name: context.info.name, user: context.user)
    let changed: Changed = try await delete(resource, context.info, options)
    switch changed {
    // Pods are told as they are, others by a Status that names what went, as in Kubernetes.
    case .stored(let object): return try reply(object, resource, context.form)
    case .deleted(let object):
      if resource.name == .pods { return try reply(object, resource, context.form) }
      var details: JSONValue = ["name": .string(object.name), "kind": .string(resource.name.resource), "uid": .string(object.uid)]
      if !resource.name.group.isEmpty { details["group"] = .string(resource.name.group) }
      return Reply(["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details])
    }
  }

  func deletionBody(_ context: RequestContext) async throws -> JSONValue {
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    guard body.readableBytes > 0 else { return [:] }
    let document: RequestDocument = try BodyDecoding.document(body, mediaType: BodyDecoding.mediaType(context.request.head))
    if let kind: String = document.value["kind"].string, kind != "DeleteOptions" {
      throw KubeStatus.badRequest("the body of a deletion must be DeleteOptions, not \(kind)")
    }
    return document.value
  }

  /// Deletes at once, or marks what still has somebody to wait for: a grace period, finalizers, a namespace's content.
  /// https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
  func delete(_ resource: Resource, _ info: RequestInfo, _ options: DeletionOptions) async throws -> Changed {
    try Admission.checkDeletion(resource, namespace: info.namespace, name: info.name)
    return try await guaranteedUpdate(resource, info, dryRun: options.isDryRun) { old in
      try checkPreconditions(resource, old, options)
      return try deletion(of: old, resource, options)
    }
  }

  private func checkPreconditions(_ resource: Resource, _ object: KubeObject, _ options: DeletionOptions) throws {
    if let uid: String = options.uid, uid != object.uid {
      throw KubeStatus.uidConflict(resource.name, name: object.name, asked: uid, found: object.uid)
    }
    if let version: String = options.resourceVersion, version != object.resourceVersion {
      throw KubeStatus.conflict(
        resource.name, name: object.name,
        "Precondition failed: ResourceVersion in precondition: \(version), ResourceVersion in object meta: \(object.resourceVersion)")
    }
  }

  private func deletion(of old: KubeObject, _ resource: Resource, _ options: DeletionOptions) throws -> Change {
    var new: KubeObject = old
    let finalizers: [String] = finalizersAfterDeletion(old, options)
    if finalizers != old.finalizers {
      new.json["metadata"]["finalizers"] = finalizers.isEmpty ? .null : .array(finalizers.map { .string($0) })
    }
    let waitsForContent: Bool = resource.name == .namespaces && !old.spec["finalizers"].array.isEmpty
    let grace: Int64 = gracePeriod(old, resource, options)
    if grace == 0, finalizers.isEmpty, !waitsForContent { return .delete }
    resource.definition.markDeleted(&new, at: clock.wall(), gracePeriodSeconds: grace)
    if resource.name == .namespaces { new.json["status"]["phase"] = "Terminating" }
    return new == old ? .keep : .write(new, AdmissionPlan())
  }

  /// Only pods go gracefully. One that no kubelet has, or that is over, goes at once.
  /// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
  private func gracePeriod(_ object: KubeObject, _ resource: Resource, _ options: DeletionOptions) -> Int64 {
    guard resource.name == .pods else { return 0 }
    if (object.spec["nodeName"].string ?? "").isEmpty { return 0 }
    if ["Succeeded", "Failed"].contains(object.status["phase"].string ?? "") { return 0 }
    return options.gracePeriodSeconds ?? object.spec["terminationGracePeriodSeconds"].int ?? 30
  }

  /// Orphan and foreground deletion are finalizers that the garbage collector takes off when it is done; background needs none.
  /// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion
  private func finalizersAfterDeletion(_ object: KubeObject, _ options: DeletionOptions) -> [String] {
    var finalizers: [String] = object.finalizers
    guard let policy: DeletionOptions.Propagation = options.propagation else { return finalizers }
    finalizers.removeAll { $0 == "orphan" || $0 == "foregroundDeletion" }
    switch policy {
    case .background: break
    case .orphan: finalizers.append("orphan")
    case .foreground: finalizers.append("foregroundDeletion")
    }
    return finalizers
  }

  /// DELETE of a collection: each object by itself, those that went meanwhile do not count. Answers with what was deleted.
  func deleteCollection(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    try Admission.checkDecisionDeletion(resource, name: "", user: context.user)
    let list = try ListOptions(context.info, definition: resource.definition, limits: limits)
    let deletion = try DeletionOptions(try await deletionBody(context), context)
    let page: Page = try await page(resource, list)
    var items: [ByteBuffer] = []
    for object in page.objects {
      var info: RequestInfo = context.info
      info.namespace = object.namespace
      info.name = object.name
      do {
        _ = try await delete(resource, info, deletion)
        items.append(object.encoded)
      } catch let error as KubeStatus where error.code == 404 {
        continue
      } catch let error as KubeStatus where error.code == 403 && [.namespaces, .leases].contains(resource.name) {
        continue
      }
    }
    let body = ListBody(
      kind: resource.listKind, apiVersion: resource.name.apiVersion, revision: page.revision, continueToken: page.continueToken,
      remaining: page.remaining)
    return Reply(body: body.encode(items))
  }
}
