import KubeModel

/// The query of a create, update, patch or delete.
struct WriteOptions: Sendable {
  enum FieldValidation: String, Sendable { case strict = "Strict", warn = "Warn", ignore = "Ignore" }

  var isDryRun: Bool
  var fieldManager: String
  var validation: FieldValidation
  var force: Bool?

  /// For what the server writes by itself.
  static let bootstrap = WriteOptions(isDryRun: false, fieldManager: "tricenter-apiserver", validation: .strict, force: nil)

  private init(isDryRun: Bool, fieldManager: String, validation: FieldValidation, force: Bool?) {
    self.isDryRun = isDryRun
    self.fieldManager = fieldManager
    self.validation = validation
    self.force = force
  }

  init(_ context: RequestContext) throws {
    let query: QueryParameters = context.info.query
    isDryRun = false
    for value in query.all("dryRun") where !value.isEmpty {
      guard value == "All" else {
        throw KubeStatus.invalidOptions("WriteOptions", "dryRun", value, allowed: ["All"])
      }
      isDryRun = true
    }
    // Without a name, whatever calls: the part of its User-Agent before the version, as in Kubernetes.
    let agent: Substring = context.userAgent.split(separator: "/").first ?? ""
    fieldManager = query["fieldManager"] ?? (agent.isEmpty ? "unknown" : String(agent.prefix(128)))
    guard fieldManager.utf8.count <= 128 else {
      throw KubeStatus.invalid(group: "meta.k8s.io", kind: "WriteOptions", name: "", [.tooLong(FieldPath("fieldManager"), limit: 128)])
    }
    if let text: String = query["fieldValidation"] {
      guard let known = FieldValidation(rawValue: text) else {
        throw KubeStatus.invalidOptions("WriteOptions", "fieldValidation", text, allowed: ["Ignore", "Strict", "Warn"])
      }
      validation = known
    } else {
      validation = .warn
    }
    force = query.has("force") ? query.flag("force") : nil
  }
}

/// The body of a DELETE, with the query's values where the body has none.
/// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
struct DeletionOptions: Sendable {
  enum Propagation: String, Sendable { case orphan = "Orphan", background = "Background", foreground = "Foreground" }

  var gracePeriodSeconds: Int64?
  var propagation: Propagation?
  var uid: String?
  var resourceVersion: String?
  var isDryRun: Bool

  init(_ body: JSONValue, _ context: RequestContext) throws {
    let query: QueryParameters = context.info.query
    gracePeriodSeconds = try body["gracePeriodSeconds"].int ?? query.integer("gracePeriodSeconds")
    if let grace: Int64 = gracePeriodSeconds, grace < 0 { gracePeriodSeconds = 1 }
    if let text: String = body["propagationPolicy"].string ?? query["propagationPolicy"] {
      guard let known = Propagation(rawValue: text) else {
        throw KubeStatus.invalidOptions("DeleteOptions", "propagationPolicy", text, allowed: ["Background", "Foreground", "Orphan"])
      }
      propagation = known
    } else if body["orphanDependents"].bool == true || query["orphanDependents"] == "true" {
      propagation = .orphan
    }
    uid = body["preconditions"]["uid"].string
    resourceVersion = body["preconditions"]["resourceVersion"].string
    isDryRun = body["dryRun"].array.contains("All") || query.all("dryRun").contains("All")
  }
}
