import KubeClient
import KubeModel
import Primitives
import Site

/// Runs in the store: made once, read by everybody, written by the runner that holds them and only on top of the version that it saw.
public struct RunStore: Sendable {
  let client: KubeClient
  public init(client: KubeClient) { self.client = client }

  /// The same name twice is the same run: an answer that was lost.
  public func create(_ plan: RunPlan, siteHash: String) async throws -> KubeObject {
    let files: [String: String] = plan.carried
    let bytes: Int = plan.runbook.source.utf8.count + files.values.reduce(0) { $0 + $1.utf8.count }
    guard bytes <= DrillLimits.carriedBytes else {
      throw DrillError(
        .refused, "The runbook and its files have \(bytes) bytes, and a run carries \(DrillLimits.carriedBytes) at most.")
    }
    var spec: JSONValue = [
      "runbook": .string(plan.runbook.id), "title": .string(plan.runbook.title), "source": .string(plan.runbook.source),
      "planHash": .string(plan.hash), "mode": .string(plan.mode.rawValue),
    ]
    if !siteHash.isEmpty { spec["siteHash"] = .string(siteHash) }
    if !files.isEmpty { spec["files"] = JSONValue(files) }
    if !plan.given.isEmpty { spec["parameters"] = JSONValue(plan.given) }
    if !plan.variant.isEmpty { spec["variant"] = .string(plan.variant) }
    let object = KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "RunbookRun", "metadata": ["name": .string(plan.run)], "spec": spec,
    ])
    do {
      return try await client.create(.runbookRuns, object)
    } catch let error as KubeError where error.code == .alreadyExists {
      let found: KubeObject = try await client.get(.runbookRuns, name: plan.run)
      guard found.spec["planHash"] == spec["planHash"] else { throw error }
      return found
    }
  }

  public func get(_ name: String) async throws -> KubeObject { try await client.get(.runbookRuns, name: name) }

  public func list() async throws -> [KubeObject] { try await client.list(.runbookRuns).items }

  /// Writes the status on top of the version that `object` has. Throws `.conflict` if there is a newer one.
  func put(_ status: JSONValue, on object: KubeObject) async throws -> KubeObject {
    var changed: KubeObject = object
    changed.status = status
    return try await client.update(.runbookRuns, changed, subresource: "status")
  }

  /// Asks for the end of a run. Its runner, or the next one, undoes what was done.
  public func abort(_ name: String) async throws -> KubeObject {
    try await client.patch(.runbookRuns, name: name, type: .merge, ["spec": ["abort": true]])
  }

  /// A decision in the caller's own name, as the API server writes it down.
  public func decide(_ run: String, step: String, approves: Bool, comment: String) async throws -> KubeObject {
    var spec: JSONValue = ["run": .string(run), "step": .string(step), "decision": .string(approves ? "approve" : "reject")]
    if !comment.isEmpty { spec["comment"] = .string(comment) }
    let object = KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "RunbookApproval", "metadata": ["generateName": .string("\(run.prefix(40))-")],
      "spec": spec,
    ])
    return try await client.create(.runbookApprovals, object)
  }

  func decisions(_ run: String) async throws -> [KubeObject] {
    try await client.list(.runbookApprovals, fieldSelector: "spec.run=\(run)").items
  }

  /// The plan that a run carries. Throws when what it carries does not fit its hash, or this site.
  public static func plan(_ object: KubeObject, site: Site, actions: ActionCatalog = .standard) throws -> RunPlan {
    let spec: JSONValue = object.spec
    let files: [String: String] = spec["files"].stringMap
    let hash: String = RunPlan.hash(
      source: spec["source"].string ?? "", files: files, given: spec["parameters"].stringMap, variant: spec["variant"].string ?? "",
      mode: spec["mode"].string ?? "")
    guard hash == spec["planHash"].string else {
      throw DrillError(.refused, "Run \(object.name) carries another plan than the one that was checked: its planHash does not fit.")
    }
    let runbook: Runbook = try RunbookReader.parse(
      spec["source"].string ?? "", file: "run \(object.name)", files: .carried(files), site: site, actions: actions)
    return try RunPlan(
      runbook, run: object.name, mode: spec["mode"].string.flatMap(RunPlan.Mode.init) ?? .live, variant: spec["variant"].string,
      parameters: spec["parameters"].stringMap, site: site, actions: actions)
  }

  /// Waits until nobody carries the run out: its runner gave it back, or was not heard of for its whole lease, counted from when this
  /// process first saw the newest renewal. Throws `.refused` when it is alive after `patience`.
  public func whenFree(_ name: String, clock: any TimeSource, patience: Duration, every: Duration = .milliseconds(250)) async throws
    -> KubeObject
  {
    var seen: (status: JSONValue, at: MonotonicTime)?
    let deadline: MonotonicTime = clock.now() + patience
    while true {
      let object: KubeObject = try await get(name)
      let runner: JSONValue = object.status["runner"]
      if runner["holder"].string?.isEmpty ?? true { return object }
      let now: MonotonicTime = clock.now()
      if seen?.status != runner { seen = (runner, now) }
      if let seen, now - seen.at >= .milliseconds(runner["leaseMilliseconds"].int ?? 0) { return object }
      guard now < deadline else {
        throw DrillError(
          .refused,
          "\(runner["holder"].string ?? "") carries run \(name) out: it renewed its lease at \(runner["renewedAt"].string ?? "?").")
      }
      try await Task.sleep(for: every)
    }
  }

  /// The newest ended runs are kept.
  func forgetOldOnes() async throws {
    let ended: [KubeObject] = try await list().filter { $0.status["finishedAt"].string != nil }
    let byAge: [KubeObject] = ended.sorted { one, other in
      (one.status["finishedAt"].string ?? "", one.name) > (other.status["finishedAt"].string ?? "", other.name)
    }
    for old in byAge.dropFirst(DrillLimits.keptRuns) {
      for decision in try await decisions(old.name) { try await client.delete(.runbookApprovals, name: decision.name) }
      try await client.delete(.runbookRuns, name: old.name)
    }
  }
}
