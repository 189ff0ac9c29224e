import ArgumentParser
import Federation
import KubeClient
import KubeModel
import Primitives

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Where every cluster is active and how every center is; each value with its age and source.",
    discussion:
      "Exit code 0: every cluster is active and every center ready. 1: not. 2: refused. 3: nobody answers, or what is told is too old.")
  @OptionGroup var person: PersonOptions
  @Flag(name: .shortAndLong, help: "Go on, and tell every change.") var watch: Bool = false
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  func run() async throws {
    try await CommandFailure.told {
      let access: PersonAccess = try person.access()
      let client: KubeClient = try await access.everyCenter()
      var outcome: Outcome = .done
      try await Repeatedly.print(watch) {
        let found = try await access.patiently(.seconds(5)) { try await FederationStatus(client, now: access.clock.wall()) }
        outcome = found.outcome
        let objects: [KubeObject] = found.clusters + found.centers
        switch output {
        case .json: return found.json.pretty()
        case .yaml: return ObjectOutput.yaml(found.json)
        default: return ObjectOutput.text(objects, output) { wide in found.table(wide) }
        }
      }
      if outcome != .done { throw outcome.code }
    }
  }
}

/// What the API tells of the federation, read in one go, with what follows for each center.
struct FederationStatus: Sendable {
  enum Readiness: String { case yes, no, unknown }
  struct Row: Sendable {
    var kind: String
    var name: String
    var state: String
    var readiness: Readiness
    var detail: String
    var age: String
    var source: String
  }

  let clusters: [KubeObject]
  let centers: [KubeObject]
  let now: WallTime
  private let leases: [String: KubeObject]
  private let vantages: [KubeObject]
  private let gates: [KubeObject]
  private let operations: [KubeObject]

  init(_ client: KubeClient, now: WallTime) async throws {
    clusters = try await client.list(.clusters).items.sorted { $0.name < $1.name }
    centers = try await client.list(.centers).items.sorted { $0.name < $1.name }
    vantages = try await client.list(.vantages).items.sorted { $0.name < $1.name }
    gates = try await client.list(.gates).items.filter { $0.spec["closed"].bool == true }
    operations = try await client.list(.failovers).items.filter { !OperationWatch.isOver($0) }
    var leases: [String: KubeObject] = [:]
    for cluster in clusters {
      leases[cluster.name] = try await client.find(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: cluster.name))
    }
    self.leases = leases
    self.now = now
  }

  private static func milliseconds(_ time: JSONValue, _ now: WallTime) -> Int64? {
    guard let then: WallTime = time.string.flatMap({ WallTime(rfc3339: $0) }) else { return nil }
    return (now.secondsSince1970 - then.secondsSince1970) * 1_000 + Int64(now.nanoseconds - then.nanoseconds) / 1_000_000
  }

  /// Whether somebody renews the activation, so that what the active center tells of others is of now: lease + 1 s, for clocks apart.
  private func isKept(_ cluster: String) -> Bool {
    guard let lease: KubeObject = leases[cluster], let record = try? ActivationRecord(lease),
      let age: Int64 = Self.milliseconds(lease.spec["renewTime"], now)
    else { return false }
    return age <= record.lease.inNanoseconds / 1_000_000 + 1_000
  }

  private var isTold: Bool { !clusters.isEmpty && clusters.allSatisfy { isKept($0.name) } }

  var rows: [Row] {
    var rows: [Row] = clusters.flatMap { [row(cluster: $0)] + namespaceRows($0) }
    rows += centers.map { row(center: $0) }
    rows += vantages.map { row(vantage: $0) }
    rows += gates.map { row(gate: $0) }
    rows += operations.map { row(operation: $0) }
    return rows
  }

  private func row(cluster: KubeObject) -> Row {
    guard let lease: KubeObject = leases[cluster.name], let record = try? ActivationRecord(lease) else {
      return Row(
        kind: "cluster", name: cluster.name, state: "no activation", readiness: .no, detail: "", age: "-", source: "store")
    }
    let gives: String = record.handover.map { ", gives way to \($0.to)" } ?? ""
    let kept: Bool = isKept(cluster.name)
    return Row(
      kind: "cluster", name: cluster.name, state: kept ? "Active" : "Silent", readiness: kept ? (record.handover == nil ? .yes : .no) : .no,
      detail: "\(record.center), epoch \(record.epoch), \(cluster.status["activation"]["reason"].string ?? "?")\(gives)",
      age: Age.text(lease.spec["renewTime"], now), source: "lease of \(record.center)")
  }

  /// Namespaces that were evacuated, by the activation itself.
  private func namespaceRows(_ cluster: KubeObject) -> [Row] {
    guard let lease: KubeObject = leases[cluster.name], let record = try? ActivationRecord(lease) else { return [] }
    return record.placements.sorted { $0.namespace < $1.namespace }.map { placement in
      let isSilent: Bool = centers.first { $0.name == placement.center.value }?.status["ready"].bool != true
      let asker: String = placement.failover.map { ", by \($0)" } ?? ""
      return Row(
        kind: "namespace", name: placement.namespace, state: placement.yieldsTo == nil ? "Placed" : "Moving",
        readiness: !isKept(cluster.name) ? .unknown : placement.yieldsTo != nil || isSilent ? .no : .yes,
        detail: placement.center.value + (placement.yieldsTo.map { " to \($0)" } ?? "") + asker,
        age: Age.text(lease.spec["renewTime"], now), source: "lease of \(record.center)")
    }
  }

  private func row(center: KubeObject) -> Row {
    let status: JSONValue = center.status
    let told: Bool = isTold && !status["phase"].isNull
    let ready: Bool = status["ready"].bool == true
    let nodes: String = "\(status["nodesReady"].int ?? 0)/\(status["nodesTotal"].int ?? 0) nodes"
    let readiness: JSONValue = status["readiness"]
    let blocking: Int = readiness["findings"].array.count { $0["weight"].string != "warning" }
    let rules: String =
      readiness.isNull ? "rules not evaluated" : blocking == 0 ? "no rule blocks" : "\(blocking) findings block (tricenter readiness)"
    // The rules are looked at less often than the center is heard.
    let evaluated: String = readiness.isNull ? "" : ", evaluated \(Age.text(readiness["evaluatedAt"], now)) ago"
    return Row(
      kind: "center", name: center.name, state: told ? status["phase"].string ?? "Unknown" : "Unknown",
      // Nobody keeps it up to date: what it says of being ready was so once.
      readiness: told ? (ready ? .yes : .no) : .unknown,
      detail: "\(center.spec["role"].string ?? "?") in \(center.spec["city"].string ?? "?"), \(nodes), \(rules)\(evaluated)",
      age: Age.text(status["lastHeard"], now), source: status["source"].string ?? "-")
  }

  private func row(vantage: KubeObject) -> Row {
    let spec: JSONValue = vantage.spec
    let age: Int64? = Self.milliseconds(spec["observedAt"], now)
    let isFresh: Bool = age.map { $0 <= 3 * (spec["intervalMilliseconds"].int ?? 0) + 1_000 } ?? false
    let sees: [String] = spec["sees"].array.map { sight in
      let word: String = sight["serving"].bool == true ? "serving" : sight["reachable"].bool == true ? "reachable" : "silent"
      return "\(sight["center"].string ?? "?") \(word)"
    }
    return Row(
      kind: "vantage", name: vantage.name, state: isFresh ? "Reports" : "Old", readiness: isFresh ? .yes : .unknown,
      detail: sees.isEmpty ? "served by no center yet" : sees.joined(separator: ", "), age: Age.text(spec["observedAt"], now),
      source: vantage.name)
  }

  private func row(gate: KubeObject) -> Row {
    Row(
      kind: "gate", name: gate.name, state: "Closed", readiness: .no, detail: gate.spec["reason"].string ?? "",
      age: Age.text(gate.metadata["creationTimestamp"], now), source: gate.spec["changedBy"].string ?? "-")
  }

  private func row(operation: KubeObject) -> Row {
    Row(
      kind: "operation", name: operation.name, state: operation.status["phase"].string ?? "Pending", readiness: .unknown,
      detail: "\(operation.spec["kind"].string ?? "?") to \(operation.spec["to"].string ?? "?") "
        + (operation.status["message"].string ?? ""),
      age: Age.text(operation.metadata["creationTimestamp"], now), source: operation.spec["requestedBy"].string ?? "-")
  }

  var outcome: Outcome {
    if !isTold { return clusters.isEmpty ? .unknown : .failed }
    let counted: [Row] = rows.filter { ["cluster", "center"].contains($0.kind) }
    return counted.allSatisfy { $0.readiness == .yes } ? .done : .failed
  }

  private var branches: Set<String> { Set(vantages.filter { $0.spec["kind"].string == "branch" }.map(\.name)) }

  func table(_ wide: Bool) -> TextTable {
    var table = TextTable(["KIND", "NAME", "STATE", "READY", "DETAIL", "AGE", "SOURCE"])
    for row in rows {
      let mood: Terminal.Mood = row.readiness == .yes ? .good : row.readiness == .no ? .bad : .uncertain
      table.rows.append([
        row.kind, row.name, row.state, Terminal.output.mark(mood) + row.readiness.rawValue, row.detail, row.age, row.source,
      ])
    }
    // Hosts that report stand behind their centers' lines; what the branch sees stands nowhere else.
    if !wide { table.rows.removeAll { $0[0] == "vantage" && $0[2] == "Reports" && !branches.contains($0[1]) } }
    return table
  }

  var json: JSONValue {
    [
      "time": .string(now.rfc3339Micro),
      "rows": .array(
        rows.map { row in
          [
            "kind": .string(row.kind), "name": .string(row.name), "state": .string(row.state), "ready": .string(row.readiness.rawValue),
            "detail": .string(row.detail), "age": .string(row.age), "source": .string(row.source),
          ]
        }),
    ]
  }
}
