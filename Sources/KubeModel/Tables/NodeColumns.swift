extension TableColumn {
  static let nodes: [TableColumn] = [
    objectName,
    TableColumn("Status", "Ready, NotReady or Unknown, and whether pods may be scheduled.") { node, _ in
      let ready: JSONValue? = node.status["conditions"].array.first { $0["type"] == "Ready" }
      var status: String = ready.map { $0["status"] == "True" ? "Ready" : "NotReady" } ?? "Unknown"
      if node.spec["unschedulable"].bool == true { status += ",SchedulingDisabled" }
      return .string(status)
    },
    TableColumn("Roles", "Roles by label.") { node, _ in
      let prefix: String = "node-role.kubernetes.io/"
      var roles: Set<String> = []
      for (key, value) in node.labels {
        if key.hasPrefix(prefix), key.count > prefix.count { roles.insert(String(key.dropFirst(prefix.count))) }
        if key == "kubernetes.io/role", !value.isEmpty { roles.insert(value) }
      }
      return joined(roles.sorted())
    },
    age,
    TableColumn("Version", field: ["status", "nodeInfo", "kubeletVersion"], absent: "", "Version of its kubelet."),
    address("Internal-IP", "InternalIP"),
    address("External-IP", "ExternalIP"),
    TableColumn("OS-Image", wide: true, field: ["status", "nodeInfo", "osImage"], absent: "<unknown>", "Operating system."),
    TableColumn("Kernel-Version", wide: true, field: ["status", "nodeInfo", "kernelVersion"], absent: "<unknown>", "Kernel."),
    TableColumn(
      "Container-Runtime", wide: true, field: ["status", "nodeInfo", "containerRuntimeVersion"], absent: "<unknown>",
      "What runs its containers."),
  ]

  private static func address(_ name: String, _ type: String) -> TableColumn {
    TableColumn(name, wide: true, "Address of type \(type).") { node, _ in
      .string(node.status["addresses"].array.first { $0["type"].string == type }?["address"].string ?? "<none>")
    }
  }

  static let namespaces: [TableColumn] = [
    objectName, TableColumn("Status", field: ["status", "phase"], absent: "", "Active or Terminating."), age,
  ]
  static let leases: [TableColumn] = [
    objectName, TableColumn("Holder", field: ["spec", "holderIdentity"], absent: "", "Who holds the lease."), age,
  ]
}
