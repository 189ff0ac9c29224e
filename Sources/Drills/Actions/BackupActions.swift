import KubeClient
import KubeModel
import Primitives
import Site
import TLS

/// Backup of the store, and whether it is one: restored into a place of its own, compared with what was noted when it was made, brought
/// back into the cluster.
enum BackupActions {
  static let all: [String: ActionDescription] = [
    "store.backup": ActionDescription(inputs, effect: .changes, run: backup),
    "store.restoreCheck": ActionDescription(inputs, run: restoreCheck),
    "store.bringBack": ActionDescription(inputs, effect: .changes, run: bringBack),
    "verify.damaged": ActionDescription([.init("namespace", .text)], run: damaged),
    "verify.restored": ActionDescription([.init("namespace", .text)], run: restored),
  ]
  private static let inputs: [ActionDescription.Input] = [.init("host", .host), .init("file", .text), .init("namespace", .text)]

  /// What people own; the rest follows from it.
  private static let kinds: [ResourceName] = [.configMaps, .secrets, .services, .deployments]

  /// Made anew when it is asked for again: nothing but the file is changed.
  @Sendable private static func backup(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let noted: [String: String] = try await live(context, call["namespace"], call.deadline)
    guard !noted.isEmpty else { throw DrillError(.notMet, "Namespace \(call["namespace"]) has no object that could be backed up.") }
    let file: String = try path(call)
    let certificate = "{pki}/{center}/{host}/apiserver"
    _ = try await program(
      [
        "store", "snapshot", "save", file, "--endpoints", "https://{address}:\(context.site.ports.client)", "--cacert", "{pki}/ca.pem",
        "--cert", "\(certificate).pem", "--key", "\(certificate).key", "--command-timeout", "60s", "-w", "json",
      ], context, call)
    let status: JSONValue = try await program(["store", "snapshot", "status", file, "-w", "json"], context, call)
    context.state.withLock { state in
      state.facts["backup"] = [
        "hash": status["hash"], "revision": status["revision"], "keys": status["totalKey"], "bytes": status["totalSize"],
        "objects": JSONValue(noted),
      ]
    }
    return
      "\(status["totalKey"].int ?? 0) keys at revision \(status["revision"].int ?? 0), \(noted.count) objects of \(call["namespace"]) noted"
  }

  /// The cluster is not asked: everything comes from a member that was restored from the file alone.
  @Sendable private static func restoreCheck(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (found, objects): (JSONValue, [KubeObject]) = try await rehearse(context, call)
    let known: JSONValue = try facts(context)
    guard found["hash"] == known["hash"], found["revision"] == known["revision"] else {
      throw DrillError(
        .refused, "The file is another one: revision \(found["revision"].int ?? 0), and \(known["revision"].int ?? 0) was saved.")
    }
    let differences: [String] = compare(known["objects"].stringMap, digests(objects))
    guard differences.isEmpty else { throw DrillError(.refused, "The restored store differs: \(differences.joined(separator: "; ")).") }
    context.state.withLock { $0.facts["restoreMilliseconds"] = found["milliseconds"] }
    return
      "\(found["keys"].int ?? 0) keys came back in \(found["milliseconds"].int ?? 0) ms, \(objects.count) objects of \(call["namespace"]) as noted"
  }

  /// Each object becomes what it was, whoever wrote which field since; asked for again it changes nothing.
  @Sendable private static func bringBack(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (_, objects): (JSONValue, [KubeObject]) = try await rehearse(context, call)
    let namespace: String = call["namespace"]
    _ = try await context.until(call.deadline) { () -> Bool? in
      if let found: KubeObject = try await context.client.find(.namespaces, name: namespace) {
        guard !found.isBeingDeleted else { throw DrillError(.notMet, "Namespace \(namespace) is still being deleted.") }
        return true
      }
      _ = try await context.client.create(
        .namespaces, KubeObject(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)]]))
      return true
    }
    for object in objects {
      guard let resource: ResourceName = Manifest.resource(of: object) else {
        throw DrillError(.failed, "The backup holds a \(object.apiVersion) \(object.kind), which no API server here serves.")
      }
      _ = try await context.until(call.deadline) { try await put(BackedUp.content(object), resource, context) }
    }
    return "\(objects.count) objects brought back"
  }

  private static func put(_ content: JSONValue, _ resource: ResourceName, _ context: DrillContext) async throws -> KubeObject {
    var object = KubeObject(content)
    guard let found: KubeObject = try await context.client.find(resource, namespace: object.namespace, name: object.name) else {
      return try await context.client.create(resource, object)
    }
    // On top of what was seen, and of no other object of that name.
    (object.json["metadata"]["resourceVersion"], object.json["metadata"]["uid"]) = (.string(found.resourceVersion), .string(found.uid))
    return try await context.client.update(resource, object)
  }

  @Sendable private static func damaged(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let known: [String: String] = try facts(context)["objects"].stringMap
    return try await context.until(call.deadline) {
      let differences: [String] = compare(known, try await digests(context, call["namespace"]))
      guard !differences.isEmpty else { throw DrillError(.notMet, "Nothing of \(call["namespace"]) differs from the backup.") }
      return "\(differences.count) differences: \(differences.prefix(5).joined(separator: "; "))"
    }
  }

  @Sendable private static func restored(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let known: [String: String] = try facts(context)["objects"].stringMap
    return try await context.until(call.deadline) {
      let differences: [String] = compare(known, try await digests(context, call["namespace"]))
      guard differences.isEmpty else { throw DrillError(.notMet, "Not as backed up: \(differences.prefix(5).joined(separator: "; ")).") }
      return "\(known.count) objects of \(call["namespace"]) are as they were backed up"
    }
  }

  // MARK: Parts

  private static func facts(_ context: DrillContext) throws -> JSONValue {
    guard let known: JSONValue = context.state.withLock({ $0.facts["backup"] }) else { throw DrillError(.notMet, "No backup was made.") }
    return known
  }

  private static func path(_ call: StepCall) throws -> String {
    let name: String = call["file"]
    guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_" }), !name.hasPrefix(".") else {
      throw DrillError(.badRunbook, "\"\(name)\" is no name of a file: letters, digits, hyphens, dots")
    }
    return "{keep}/\(name)"
  }

  private static func program(_ words: [String], _ context: DrillContext, _ call: StepCall) async throws -> JSONValue {
    let said: HostOutput = try await HostActions.executor(context).output(
      ["{program}"] + words, on: HostName(call["host"]), timeout: max(.seconds(1), call.deadline - context.clock.now()))
    guard said.status == 0 else {
      throw DrillError(
        .failed,
        "`tricenter \(words.prefix(3).joined(separator: " "))` on \(call["host"]) ended with status \(said.status): \(said.errors.suffix(500))"
      )
    }
    return try JSONValue.parse(Bytes(said.output))
  }

  /// The folder that it is restored into is the step's own.
  private static func rehearse(_ context: DrillContext, _ call: StepCall) async throws -> (JSONValue, [KubeObject]) {
    let file: String = try path(call)
    let folder = "\(file).\(SHA256.hexadecimal(Bytes(call.key)).prefix(8)).restored"
    // What an attempt before left.
    _ = try await HostActions.executor(context).output(["rm", "-rf", folder], on: HostName(call["host"]), timeout: .seconds(30))
    let found: JSONValue = try await program(
      ["store", "snapshot", "verify", file, "--data-dir", folder, "--namespace", call["namespace"], "-w", "json"], context, call)
    return (found, found["objects"].array.map { KubeObject($0) })
  }

  private static func live(_ context: DrillContext, _ namespace: String, _ deadline: MonotonicTime) async throws -> [String: String] {
    try await context.until(deadline) { try await digests(context, namespace) }
  }

  private static func digests(_ context: DrillContext, _ namespace: String) async throws -> [String: String] {
    var objects: [KubeObject] = []
    for kind in kinds {
      objects += try await context.client.list(kind, namespace: namespace).items.map { item in
        var object: KubeObject = item
        (object.json["apiVersion"], object.json["kind"]) = (.string(kind.apiVersion), .string(kind.kind))
        return object
      }
    }
    return digests(objects.filter { $0.name != "kube-root-ca.crt" })
  }

  private static func digests(_ objects: [KubeObject]) -> [String: String] {
    let known: Set<String> = Set(kinds.map(\.kind))
    return Dictionary(
      objects.filter { known.contains($0.kind) }.map { ("\($0.kind)/\($0.name)", BackedUp.digest($0)) },
      uniquingKeysWith: { first, _ in first })
  }

  private static func compare(_ noted: [String: String], _ found: [String: String]) -> [String] {
    Set(noted.keys).union(found.keys).sorted().compactMap { name in
      switch (noted[name], found[name]) {
      case (let one?, let other?): one == other ? nil : "\(name) has another content"
      case (_?, nil): "\(name) is gone"
      default: "\(name) was not there"
      }
    }
  }
}

/// What of an object must come back: what people wrote and what the API gave it (its addresses), not who wrote when, and not its status.
enum BackedUp {
  static func content(_ object: KubeObject) -> JSONValue {
    var json: JSONValue = object.json
    let metadata: JSONValue = object.metadata
    var kept: JSONValue = ["name": metadata["name"], "namespace": metadata["namespace"]]
    if metadata["labels"].object?.isEmpty == false { kept["labels"] = metadata["labels"] }
    let annotations: [String: String] = metadata["annotations"].stringMap.filter {
      !$0.key.hasPrefix("deployment.kubernetes.io/") && !$0.key.hasPrefix("kubectl.kubernetes.io/")
    }
    if !annotations.isEmpty { kept["annotations"] = JSONValue(annotations) }
    (json["metadata"], json["status"]) = (kept, .null)
    return json
  }

  static func digest(_ object: KubeObject) -> String { SHA256.hexadecimal(Bytes(canonical(content(object)))) }

  /// The same text for the same content, whatever the order of its members; what is null or empty is not there.
  static func canonical(_ value: JSONValue) -> String {
    switch value {
    case .array(let items): return "[" + items.map(canonical).joined(separator: ",") + "]"
    case .object(let object):
      let members: [String] = object.members.filter { !$0.value.isNull }.sorted { $0.key < $1.key }.map {
        String(decoding: JSONValue.string($0.key).serialized(), as: UTF8.self) + ":" + canonical($0.value)
      }
      return "{" + members.joined(separator: ",") + "}"
    default: return String(decoding: value.serialized(), as: UTF8.self)
    }
  }
}
