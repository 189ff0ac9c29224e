extension TableColumn {
  static let deployments: [TableColumn] =
    [
      objectName,
      TableColumn("Ready", "Pods that are ready, of those wanted.") { object, _ in
        .string("\(object.status["readyReplicas"].int ?? 0)/\(object.spec["replicas"].int ?? 0)")
      },
      TableColumn("Up-to-date", type: "integer", field: ["status", "updatedReplicas"], "Pods made from the template of now."),
      TableColumn("Available", type: "integer", field: ["status", "availableReplicas"], "Pods that have been ready for minReadySeconds."),
      age,
    ] + template

  static let replicaSets: [TableColumn] =
    [
      objectName,
      TableColumn("Desired", type: "integer", field: ["spec", "replicas"], "Pods wanted."),
      TableColumn("Current", type: "integer", field: ["status", "replicas"], "Pods that exist."),
      TableColumn("Ready", type: "integer", field: ["status", "readyReplicas"], "Pods that are ready."),
      age,
    ] + template

  private static let template: [TableColumn] = [
    TableColumn("Containers", wide: true, "Names of the template's containers.") { object, _ in
      joined(object.spec["template"]["spec"]["containers"].array.compactMap { $0["name"].string }, none: "")
    },
    TableColumn("Images", wide: true, "Images of the template's containers.") { object, _ in
      joined(object.spec["template"]["spec"]["containers"].array.compactMap { $0["image"].string }, none: "")
    },
    TableColumn("Selector", wide: true, "Which pods belong to it.") { object, _ in
      let selector: LabelSelector? = try? LabelSelector(object: object.spec["selector"])
      let text: String = selector?.description ?? ""
      return .string(text.isEmpty ? "<none>" : text)
    },
  ]
}
