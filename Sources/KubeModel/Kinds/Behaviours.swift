/// Which defaults, rules and preparations belong to which kind.
extension ResourceBehaviour {
  static let pods = ResourceBehaviour(
    hasGeneration: true, defaults: Defaults.pod, validate: Validation.pod, validateUpdate: Validation.podUpdate,
    prepareCreate: { pod in pod["status"] = ["phase": "Pending", "qosClass": .string(QualityOfService.of(pod["spec"]))] })

  static let namespaces = ResourceBehaviour(
    nameRule: { NameRules.label($0) }, defaults: Defaults.namespace,
    prepareCreate: { namespace in
      if namespace["spec"]["finalizers"].array.isEmpty { namespace["spec"]["finalizers"] = ["kubernetes"] }
      namespace["status"] = ["phase": "Active"]
    },
    prepareUpdate: { new, old in new["spec"]["finalizers"] = old["spec"]["finalizers"] })

  static let nodes = ResourceBehaviour(validate: Validation.node, validateUpdate: Validation.nodeUpdate)

  static let services = ResourceBehaviour(
    nameRule: { NameRules.label1035($0) }, defaults: Defaults.service, validate: Validation.service,
    validateUpdate: Validation.serviceUpdate, prepareCreate: { $0["status"] = ["loadBalancer": [:]] },
    prepareUpdate: Defaults.serviceUpdate)

  static let endpoints = ResourceBehaviour(defaults: Defaults.endpoints)
  static let endpointSlices = ResourceBehaviour(
    hasGeneration: true, defaults: Defaults.endpointSlice, validate: Validation.endpointSlice,
    validateUpdate: Validation.endpointSliceUpdate)
  static let configMaps = ResourceBehaviour(validate: Validation.configMap, validateUpdate: Validation.configMapUpdate)
  static let secrets = ResourceBehaviour(
    defaults: Defaults.secret, validate: Validation.secret, validateUpdate: Validation.secretUpdate)
  static let events = ResourceBehaviour(validate: Validation.event)
  static let leases = ResourceBehaviour(validate: Validation.lease)

  static let deployments = ResourceBehaviour(
    hasGeneration: true, defaults: Defaults.deployment, validate: Validation.deployment, validateUpdate: Validation.selectorUpdate)
  static let replicaSets = ResourceBehaviour(
    hasGeneration: true, defaults: Defaults.replicaSet, validate: Validation.replicaSet, validateUpdate: Validation.selectorUpdate,
    prepareCreate: { $0["status"] = ["replicas": 0] })

  static let federation = ResourceBehaviour(nameRule: { NameRules.label($0) }, hasGeneration: true)
  static let clusters = ResourceBehaviour(
    nameRule: { NameRules.label($0) }, hasGeneration: true, defaults: Defaults.cluster, validate: Validation.cluster,
    validateUpdate: Validation.clusterUpdate)
  static let failovers = ResourceBehaviour(
    hasGeneration: true, defaults: { if $0["spec"]["kind"].isNull { $0["spec"]["kind"] = "planned" } },
    validate: Validation.failover, validateUpdate: Validation.failoverUpdate, prepareCreate: { $0["status"] = ["phase": "Pending"] })
  static let drills = ResourceBehaviour(
    hasGeneration: true, defaults: { if $0["spec"]["mode"].isNull { $0["spec"]["mode"] = "live" } },
    validate: Validation.drill, validateUpdate: Validation.drillUpdate, prepareCreate: { $0["status"] = ["phase": "Pending"] })
  static let decisions = ResourceBehaviour(validateUpdate: Validation.decisionUpdate)
  static let vantages = ResourceBehaviour()
  static let gates = ResourceBehaviour(hasGeneration: true, validate: Validation.gate)
  static let runbookRuns = ResourceBehaviour(
    hasGeneration: true, validate: Validation.runbookRun, validateUpdate: Validation.runbookRunUpdate,
    prepareCreate: { $0["status"] = ["phase": "Pending"] })
  static let runbookApprovals = ResourceBehaviour(
    hasGeneration: true, validate: Validation.runbookApproval, validateUpdate: Validation.runbookApprovalUpdate)
}
