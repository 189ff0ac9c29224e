import KubeModel
import NIOCore
import Primitives

extension Handlers {
  func create(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    let options = try WriteOptions(context)
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    let document: RequestDocument = try BodyDecoding.document(body, mediaType: BodyDecoding.mediaType(context.request.head))
    var understood: UnderstoodObject = try understand(document, resource, options)
    try identify(&understood.object, resource, context.info)
    let stored: KubeObject = try await insert(resource, understood.object, options, user: context.user)
    var reply: Reply = try reply(stored, resource, context.form, status: 201)
    reply.warnings = understood.warnings
    return reply
  }

  /// Admits, names and writes a new object.
  /// - Parameter manages: false where the field sets were worked out already (apply).
  func insert(
    _ resource: Resource, _ wanted: KubeObject, _ options: WriteOptions, user: UserInfo, manages: Bool = true
  ) async throws -> KubeObject {
    guard wanted.resourceVersion.isEmpty || wanted.resourceVersion == "0" else {
      throw KubeStatus.badRequest("resourceVersion should not be set on objects to be created")
    }
    if resource.isNamespaced, wanted.namespace.isEmpty { throw KubeStatus.badRequest("an empty namespace may not be set during creation") }
    let prefix: String = wanted.metadata["generateName"].string ?? ""
    let isGenerated: Bool = wanted.name.isEmpty && !prefix.isEmpty
    var tries: Int = 0
    while true {
      tries += 1
      var object: KubeObject = wanted
      if isGenerated { object.json["metadata"]["name"] = .string(names.name(prefix: prefix)) }
      prepareNew(&object, resource)
      try await synchronizePodRanges(resource, old: nil, object)
      let plan: AdmissionPlan = try await admission.create(resource, &object, user: user)
      try check(resource.definition.validateCreate(object), resource, object)
      if manages { resource.trackUpdate(old: nil, new: &object, manager: options.fieldManager, subresource: "", time: clock.wall()) }
      let path: Bytes = resource.path(namespace: object.namespace, name: object.name)
      if options.isDryRun {
        if try await storage.get(resource, path) != nil { throw KubeStatus.alreadyExists(resource.name, name: object.name) }
        return object
      }
      let outcome: WriteOutcome = try await storage.put(
        resource, path, object, expected: 0, reservations: plan.reservations, guards: plan.guards)
      switch outcome {
      case .written(let revision):
        object.json["metadata"]["resourceVersion"] = .string(String(revision))
        return object
      case .raced:
        guard isGenerated, tries < limits.generatedNameTries else { throw KubeStatus.alreadyExists(resource.name, name: object.name) }
      case .taken(let key):
        guard plan.chosen.contains(key), tries < limits.allocationTries else { throw admission.alreadyTaken(key, object) }
      case .guardFailed:
        // The namespace changed meanwhile: the next round looks at it again.
        guard tries < limits.updateTries else { throw KubeStatus.conflict(resource.name, name: object.name) }
        try await synchronize(catalog.namespaces)
      }
    }
  }

  /// What the server alone says of a new object.
  private func prepareNew(_ object: inout KubeObject, _ resource: Resource) {
    let status: JSONValue = object.status
    resource.definition.prepareForCreate(&object)
    object.json["metadata"]["uid"] = .string(names.uid())
    object.json["metadata"]["creationTimestamp"] = .string(now)
    // A node registers with its status; everybody else's status is written by its controller.
    if resource.name == .nodes { object.json["status"] = status }
  }

  func check(_ findings: [FieldError], _ resource: Resource, _ object: KubeObject) throws {
    guard !findings.isEmpty else { return }
    throw KubeStatus.invalid(resource.definition, name: object.name, findings)
  }
}
