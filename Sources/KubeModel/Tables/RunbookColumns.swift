import Primitives

extension TableColumn {
  static let runbookRuns: [TableColumn] = [
    objectName,
    TableColumn("Runbook", field: ["spec", "runbook"], "What is run."),
    TableColumn("Mode", field: ["spec", "mode"], "How far it goes."),
    TableColumn("Phase", field: ["status", "phase"], absent: "Pending", "Where it stands."),
    TableColumn("Steps", "Steps that are over, of all.") { run, _ in
      let steps: [JSONValue] = run.status["steps"].array
      let open: Set<String> = ["Pending", "Waiting", "Intended", "Running", "Retrying", "Compensating"]
      return .string("\(steps.count { !open.contains($0["phase"].string ?? "") })/\(steps.count)")
    },
    TableColumn("Now", "Steps that run or wait.") { run, _ in
      let busy: Set<String> = ["Waiting", "Intended", "Running", "Retrying", "Compensating"]
      return joined(run.status["steps"].array.filter { busy.contains($0["phase"].string ?? "") }.compactMap { $0["name"].string })
    },
    TableColumn("Verdict", field: ["status", "verdict"], "The outcome."),
    TableColumn("Duration", "From start to end.") { run, now in duration(run, now) },
    age,
    TableColumn("Runner", wide: true, field: ["status", "runner", "holder"], "Who carries it out."),
    TableColumn("Epoch", type: "integer", wide: true, field: ["status", "runner", "epoch"], "How many runners it had."),
    TableColumn("Requested By", wide: true, field: ["spec", "requestedBy"], "Who began it."),
    TableColumn("Message", wide: true, field: ["status", "message"], "The outcome in a sentence."),
  ]

  static let runbookApprovals: [TableColumn] = [
    objectName,
    TableColumn("Run", field: ["spec", "run"], "The run."),
    TableColumn("Step", field: ["spec", "step"], "The step that waits."),
    TableColumn("Decision", field: ["spec", "decision"], "approve or reject."),
    TableColumn("User", field: ["spec", "user"], "Who made it."),
    age,
    TableColumn("Comment", wide: true, field: ["spec", "comment"], "Why."),
  ]
}
