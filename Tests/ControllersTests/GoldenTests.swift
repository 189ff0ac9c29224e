import Glibc
import KubeClient
import KubeModel
import Primitives
import TestSupport
import Testing

@testable import Controllers

/// Every file below testdata is one case: what a reconciler is given and what it decides. `REWRITE=1` in the environment writes the
/// decisions anew; commit a rewrite only if you know what caused it.
@Suite struct GoldenTests {
  static let folders: [String] = [
    "deployment", "replicaset", "endpointslice", "namespace", "garbage", "podcleanup", "nodehealth", "eviction", "serviceaccount",
  ]
  static let cases: [String] = folders.flatMap { folder in files(testdata(#filePath, folder)).map { "\(folder)/\($0)" } }

  @Test(arguments: cases) func `decides as written`(file: String) throws {
    let path: String = testdata(#filePath, file)
    let text: String = try read(path)
    let document: JSONValue = try YAMLText.parse(text)
    let decided: JSONValue = try decide(String(file.prefix { $0 != "/" }), document)
    if getenv("REWRITE") != nil {
      var kept: [Substring] = text.split(separator: "\n", omittingEmptySubsequences: false)
      if let out: Int = kept.firstIndex(where: { $0.hasPrefix("out:") }) { kept.removeSubrange(out...) }
      while kept.last?.isEmpty == true { kept.removeLast() }
      let body: String = decided.array.isEmpty ? "out: []\n" : "out:\n" + YAMLText.emit(decided, indentation: 2)
      try write(path, kept.joined(separator: "\n") + "\n" + body)
      return
    }
    // Compared as text, so that numbers in quotes and numbers differ.
    #expect(YAMLText.emit(decided) == YAMLText.emit(document["out"]), "\(file): \(document["about"].string ?? "")")
  }

  private func decide(_ folder: String, _ document: JSONValue) throws -> JSONValue {
    let objects: [KubeObject] = document["in"].array.map { KubeObject($0) }
    func all(_ kind: String) -> [KubeObject] { objects.filter { $0.kind == kind } }
    let now: WallTime = WallTime(rfc3339: document["now"].string ?? "") ?? WallTime(secondsSince1970: 1_800_000_000)
    let nodes: [String: KubeObject] = Dictionary(all("Node").map { ($0.name, $0) }) { first, _ in first }
    var actions: [Action] = []
    switch folder {
    case "deployment":
      let pods: [KubeObject] = all("Pod")
      var sync = try DeploymentSync(
        all("Deployment")[0], sets: all("ReplicaSet"), pods: { uid in pods.filter { $0.controllerReference?["uid"].string == uid } },
        now: now)
      actions = sync.run()
    case "replicaset":
      let set: KubeObject = all("ReplicaSet")[0]
      let decision = try ReplicaSetDecision(set, pods: all("Pod"), related: [], satisfied: document["satisfied"].bool ?? true)
      actions = decision.claims
      if decision.creations > 0 { actions += [.create(.pods, ReplicaSetDecision.pod(of: set))] }
      actions += decision.deletions.map { .delete(.pods, namespace: $0.namespace, name: $0.name, DeleteOptions(uid: $0.uid)) }
      var changed: KubeObject = set
      changed.status = ReplicaSetStatus.of(set, pods: decision.claimed, failure: nil, now: now)
      actions.append(.update(.replicaSets, changed, subresource: "status"))
      if let wait: Duration = ReplicaSetStatus.nextAvailability(set, pods: decision.claimed, now: now) { actions.append(.again(wait)) }
      let counted: JSONValue = ["creations": .int(Int64(decision.creations))]
      return .array([counted] + ActionText.json(actions, given: objects).array)
    case "endpointslice":
      let service: KubeObject = all("Service")[0]
      let pods: [KubeObject] = all("Pod").filter { $0.matches(plainSelector: service.spec["selector"].stringMap) }
      actions = EndpointSliceDecision(service, pods: pods, nodes: { nodes[$0] }, slices: all("EndpointSlice")).actions
      actions += EndpointsDecision(service, pods: pods, nodes: { nodes[$0] }, present: all("Endpoints").first).actions
    case "namespace":
      var remains: [ResourceName: NamespaceDecision.Remains] = [:]
      for (resource, kind) in [(ResourceName.pods, "Pod"), (.configMaps, "ConfigMap")] {
        for object in all(kind) {
          remains[resource, default: .init()].count += 1
          for finalizer in object.finalizers { remains[resource]?.finalizers[finalizer, default: 0] += 1 }
        }
      }
      actions =
        NamespaceDecision(all("Namespace")[0], remains: remains, failures: document["failures"].array.compactMap(\.string), now: now)
        .actions
    case "garbage": actions = garbage(document, objects)
    case "podcleanup":
      actions =
        PodCleanupDecision(
          pods: all("Pod"), nodes: nodes, vanished: Set(document["vanished"].array.compactMap(\.string)),
          terminatedThreshold: Int(document["threshold"].int ?? 0)
        ).actions
    case "nodehealth":
      for node in all("Node") {
        var changed: KubeObject = node
        if document["silent"].array.contains(.string(node.name)), let conditions = NodeHealthInstance.silentConditions(node, now: now) {
          changed.json["status"]["conditions"] = .array(conditions)
          actions.append(.update(.nodes, changed, subresource: "status"))
        }
        if let taints: [JSONValue] = NodeHealthInstance.taints(changed, now: now) {
          var tainted: KubeObject = node
          tainted.json["spec"]["taints"] = .array(taints)
          actions.append(.update(.nodes, tainted))
        }
      }
    case "eviction":
      return .array(
        all("Pod").map { pod in
          let plan: EvictionPlan = .of(pod, taints: nodes[pod.nodeName]?.taints ?? [], now: now)
          let text: String =
            switch plan {
            case .stay: "stays"
            case .leaveNow: "leaves now"
            case .leaveAt(let time): "leaves at \(time.rfc3339)"
            }
          return .string("\(pod.name) \(text)")
        })
    case "serviceaccount":
      actions = ServiceAccountController.decide(namespace: all("Namespace").first, present: all("ServiceAccount").first)
    default: Issue.record("no reconciler \(folder)")
    }
    return ActionText.json(actions, given: objects)
  }

  /// Owners that are not among the objects are absent.
  private func garbage(_ document: JSONValue, _ objects: [KubeObject]) -> [Action] {
    var graph = OwnerGraph()
    var looks: [OwnerGraph.Directive] = []
    let resources: [String: ResourceName] = [
      "Deployment": .deployments, "ReplicaSet": .replicaSets, "Pod": .pods, "ConfigMap": .configMaps,
    ]
    for object in objects { looks += graph.onObject(resources[object.kind]!, object) }
    for uid in document["deleted"].array.compactMap(\.string) { looks += graph.onDeleted(uid) }
    let deleted: Set<String> = Set(document["deleted"].array.compactMap(\.string))
    let live: [String: KubeObject] = Dictionary(objects.filter { !deleted.contains($0.uid) }.map { ($0.uid, $0) }) { first, _ in first }
    var actions: [Action] = []
    var seen: Set<OwnerGraph.Directive> = []
    while !looks.isEmpty {
      let look: OwnerGraph.Directive = looks.removeFirst()
      guard seen.insert(look).inserted else { continue }
      switch look {
      case .collect(let uid):
        guard let object: KubeObject = live[uid] else { continue }
        var states: [String: GarbageDecision.OwnerState] = [:]
        for owner in object.ownerReferences.compactMap({ $0["uid"].string }) {
          states[owner] = graph.nodes[owner].map { $0.waitsForDependents ? .waiting : .solid } ?? .absent
        }
        actions += GarbageDecision.collect(
          object, resources[object.kind]!, owners: states, hasDependents: !graph.dependents(of: uid).isEmpty)
      case .finish(let uid):
        guard let object: KubeObject = live[uid] else { continue }
        if object.finalizers.contains(GarbageFinalizer.orphan) {
          for dependent in graph.dependents(of: uid) {
            if let dependent: KubeObject = live[dependent] {
              actions += GarbageDecision.orphan(dependent, resources[dependent.kind]!, owner: uid)
            }
          }
          actions += GarbageDecision.unblock(object, resources[object.kind]!, finalizer: GarbageFinalizer.orphan)
        } else if graph.blockers(of: uid).isEmpty {
          actions += GarbageDecision.unblock(object, resources[object.kind]!, finalizer: GarbageFinalizer.foreground)
        } else {
          looks += graph.dependents(of: uid).map { .collect(uid: $0) }
        }
      }
    }
    return actions
  }
}

private func files(_ folder: String) -> [String] {
  guard let directory = opendir(folder) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name: String = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if name.hasSuffix(".yaml") { names.append(name) }
  }
  return names.sorted()
}

private struct FileTrouble: Error { var path: String }

private func read(_ path: String) throws -> String {
  guard let file = fopen(path, "r") else { throw FileTrouble(path: path) }
  defer { fclose(file) }
  var bytes: Bytes = []
  var part = Bytes(repeating: 0, count: 1 << 16)
  while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part.prefix(count) }
  return bytes.text
}

private func write(_ path: String, _ text: String) throws {
  guard let file = fopen(path, "w") else { throw FileTrouble(path: path) }
  defer { fclose(file) }
  let bytes: Bytes = Array(text.utf8)
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw FileTrouble(path: path) }
}
