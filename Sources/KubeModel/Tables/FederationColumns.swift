import Primitives

extension TableColumn {
  static let centers: [TableColumn] = [
    objectName,
    TableColumn("Role", field: ["spec", "role"], "production, local-dr or remote-dr."),
    TableColumn("City", field: ["spec", "city"], "Where it stands."),
    TableColumn("Ready", field: ["status", "ready"], absent: "Unknown", "Whether it can serve or take over now."),
    TableColumn("Phase", field: ["status", "phase"], absent: "Unknown", "Active, Standby, Unreachable or Recovering."),
    TableColumn("Active For", "Clusters that run here.") { center, _ in joined(center.status["activeFor"].array.compactMap(\.string)) },
    TableColumn("Last Heard", "Time since it was heard of.") { center, now in .string(since(center.status["lastHeard"], now)) },
    age,
    TableColumn("Hosts", wide: true, "Its hosts.") { center, _ in joined(center.spec["hosts"].array.compactMap { $0["name"].string }) },
    TableColumn("Nodes", wide: true, "Nodes that are ready, of all.") { center, _ in
      .string("\(center.status["nodesReady"].int ?? 0)/\(center.status["nodesTotal"].int ?? 0)")
    },
  ]

  static let clusters: [TableColumn] = [
    objectName,
    TableColumn("Active", field: ["status", "activation", "center"], "The center that runs it."),
    TableColumn("Epoch", type: "integer", field: ["status", "activation", "epoch"], "Grows by one at every activation."),
    TableColumn("Since", "Time since the activation.") { cluster, now in .string(since(cluster.status["activation"]["since"], now)) },
    TableColumn("Previous", field: ["status", "activation", "previous"], "The center that ran it before."),
    TableColumn("Phase", field: ["status", "phase"], absent: "Unknown", "Active."),
    age,
    TableColumn("Centers", wide: true, "Centers in order of preference.") { cluster, _ in
      joined(cluster.spec["centers"].array.compactMap(\.string))
    },
    TableColumn("Zone", wide: true, field: ["spec", "zone"], "DNS zone of its global names."),
  ]

  static let failovers: [TableColumn] = [
    objectName,
    TableColumn("Cluster", field: ["spec", "cluster"], "What moves."),
    TableColumn("Kind", field: ["spec", "kind"], "planned or unplanned."),
    TableColumn("From", "Where it ran.") { failover, _ in
      .string(failover.status["from"].string ?? failover.spec["from"].string ?? "<none>")
    },
    TableColumn("To", "Where it runs.") { failover, _ in .string(failover.status["to"].string ?? failover.spec["to"].string ?? "<none>") },
    TableColumn("Phase", field: ["status", "phase"], absent: "Pending", "Where it stands."),
    TableColumn("Epoch", type: "integer", field: ["status", "epoch"], "Epoch of the new activation."),
    TableColumn("Duration", "From the loss to the end.") { failover, now in duration(failover, now) },
    age,
    TableColumn("Reason", wide: true, field: ["spec", "reason"], "Why."),
    TableColumn("Message", wide: true, field: ["status", "message"], "What happened."),
  ]

  static let drills: [TableColumn] = [
    objectName,
    TableColumn("Runbook", field: ["spec", "runbook"], "What is run."),
    TableColumn("Phase", field: ["status", "phase"], absent: "Pending", "Where it stands."),
    TableColumn("Verdict", field: ["status", "verdict"], "The outcome."),
    TableColumn("RTO ms", "Milliseconds without service.") { drill, _ in
      .string(drill.status["rtoMilliseconds"].double.map { String(Int64($0.rounded())) } ?? "<none>")
    },
    TableColumn("Lost", "Acknowledged writes that are gone.") { drill, _ in
      .string(drill.status["lostWrites"].int.map { String($0) } ?? "<none>")
    },
    TableColumn("Duration", "From start to end.") { drill, now in duration(drill, now) },
    age,
    TableColumn("Mode", wide: true, field: ["spec", "mode"], absent: "live", "How far it goes."),
    TableColumn("Message", wide: true, field: ["status", "message"], "The outcome in a sentence."),
  ]

  private static func duration(_ object: KubeObject, _ now: WallTime) -> JSONValue {
    guard let start: WallTime = object.status["startedAt"].string.flatMap({ WallTime(rfc3339: $0) }) else { return "<none>" }
    let end: WallTime = object.status["finishedAt"].string.flatMap { WallTime(rfc3339: $0) } ?? now
    return .string(HumanDuration.text(seconds: end.secondsSince1970 - start.secondsSince1970))
  }
}
