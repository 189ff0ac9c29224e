extension Defaults {
  @Sendable static func deployment(_ deployment: inout JSONValue) {
    var spec: JSONValue = deployment["spec"].isNull ? [:] : deployment["spec"]
    set(&spec, "replicas", 1)
    set(&spec, "revisionHistoryLimit", 10)
    set(&spec, "progressDeadlineSeconds", 600)
    set(&spec["strategy"], "type", "RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate" {
      set(&spec["strategy"]["rollingUpdate"], "maxUnavailable", "25%")
      set(&spec["strategy"]["rollingUpdate"], "maxSurge", "25%")
    }
    template(&spec)
    deployment["spec"] = spec
  }

  @Sendable static func replicaSet(_ replicaSet: inout JSONValue) {
    var spec: JSONValue = replicaSet["spec"].isNull ? [:] : replicaSet["spec"]
    set(&spec, "replicas", 1)
    template(&spec)
    replicaSet["spec"] = spec
  }

  private static func template(_ spec: inout JSONValue) {
    ifPresent(&spec, "template") { template in ifPresent(&template, "spec", podSpec) }
  }
}
