extension TableColumn {
  static let configMaps: [TableColumn] = [
    objectName,
    TableColumn("Data", type: "integer", "Number of keys.") { object, _ in
      .int(Int64((object.json["data"].object?.count ?? 0) + (object.json["binaryData"].object?.count ?? 0)))
    },
    age,
  ]
  static let secrets: [TableColumn] = [
    objectName, TableColumn("Type", field: ["type"], absent: "", "What the secret is for."),
    TableColumn("Data", type: "integer", "Number of keys.") { object, _ in .int(Int64(object.json["data"].object?.count ?? 0)) },
    age,
  ]
  static let serviceAccounts: [TableColumn] = [
    objectName,
    TableColumn("Secrets", type: "integer", "Number of secrets it may use.") { object, _ in .int(Int64(object.json["secrets"].array.count))
    },
    age,
  ]
}
