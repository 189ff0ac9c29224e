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
    TableColumn("Namespaces", wide: true, "Namespaces that run elsewhere.") { cluster, _ in
      joined(
        cluster.status["namespaces"].array.map { placed in
          "\(placed["name"].string ?? "?")@\(placed["center"].string ?? "?")" + (placed["movingTo"].string.map { ">\($0)" } ?? "")
        })
    },
  ]

  static let failovers: [TableColumn] = [
    objectName,
    TableColumn("Cluster", field: ["spec", "cluster"], "What moves."),
    TableColumn("Kind", field: ["spec", "kind"], "planned, switchover, failover, failback, reprotect, evacuate or unplanned."),
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

  static let decisions: [TableColumn] = [
    objectName,
    TableColumn("Cluster", field: ["spec", "cluster"], "What it is about."),
    TableColumn("Decision", field: ["spec", "decision"], "What was decided."),
    TableColumn("Verb", field: ["spec", "verb"], "What was asked for."),
    TableColumn("Failover", field: ["spec", "failover"], "The Failover that it is about."),
    TableColumn("Center", field: ["spec", "center"], "Where it was decided."),
    TableColumn("Epoch", type: "integer", field: ["spec", "inputs", "epoch"], "Under which activation."),
    age,
    TableColumn("Reason", field: ["spec", "reason"], "Why."),
    TableColumn("Requested By", wide: true, field: ["spec", "requestedBy"], "Who asked."),
    TableColumn("Host", wide: true, field: ["spec", "host"], "On which host."),
  ]

  static let vantages: [TableColumn] = [
    objectName,
    TableColumn("Kind", field: ["spec", "kind"], "host or branch."),
    TableColumn("Center", field: ["spec", "center"], "Where it stands."),
    TableColumn("Serving", "Centers that it sees serving.") { vantage, _ in
      joined(vantage.spec["sees"].array.filter { $0["serving"].bool == true }.compactMap { $0["center"].string })
    },
    TableColumn("Silent", "Centers that do not answer it.") { vantage, _ in
      joined(vantage.spec["sees"].array.filter { $0["reachable"].bool == false }.compactMap { $0["center"].string })
    },
    TableColumn("Observed", "Time since the report.") { vantage, now in .string(since(vantage.spec["observedAt"], now)) },
    age,
    TableColumn("Store", wide: true, field: ["spec", "store", "role"], "The role of its store member."),
    TableColumn("DNS", wide: true, field: ["spec", "dns", "answered"], "Whether its name server answers."),
  ]

  static let gates: [TableColumn] = [
    objectName,
    TableColumn("Cluster", field: ["spec", "cluster"], "Whose moves it is about."),
    TableColumn("Closed", "Whether it holds back.") { gate, _ in .string(gate.spec["closed"].bool == true ? "true" : "false") },
    TableColumn("Verbs", "What it holds back.") { gate, _ in joined(gate.spec["verbs"].array.compactMap(\.string)) },
    TableColumn("Targets", "Towards which centers.") { gate, _ in joined(gate.spec["targets"].array.compactMap(\.string)) },
    TableColumn("Changed By", field: ["spec", "changedBy"], "Who changed it last."),
    age,
    TableColumn("Reason", wide: true, field: ["spec", "reason"], "Why it is closed."),
  ]

  static func duration(_ object: KubeObject, _ now: WallTime) -> JSONValue {
    guard let start: WallTime = object.status["startedAt"].string.flatMap({ WallTime(rfc3339: $0) }) else { return "<none>" }
    let end: WallTime = object.status["finishedAt"].string.flatMap { WallTime(rfc3339: $0) } ?? now
    return .string(HumanDuration.text(seconds: end.secondsSince1970 - start.secondsSince1970))
  }
}
