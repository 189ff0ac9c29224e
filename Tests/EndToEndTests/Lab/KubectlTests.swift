import Glibc
import KubeModel
import Primitives
import Processes
import Testing

extension LabSuite {
  /// Item by item what people do with kubectl, against the apiservers of all three centers in turn.
  @Suite("A stock kubectl", .serialized, .enabled(if: Client.kubectl, "kubectl is not installed")) struct KubectlTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    /// Runs one line and wants its status and, in what it says, every one of the texts.
    @discardableResult
    private func expect(
      _ line: String, _ more: String..., center: String? = nil, input: String = "", status: Int32 = 0, says texts: [String] = [],
      environment: [String: String] = [:], _ place: SourceLocation = #_sourceLocation
    ) async throws -> Said {
      let words: [String] = ["kubectl"] + line.split(separator: " ").map(String.init) + more
      var all: [String: String] = environment
      all["KUBECONFIG"] = center.map { "\(lab.directory)/kubeconfig-\($0)" } ?? "\(lab.directory)/kubeconfig"
      // kubectl takes what begins with a brace for JSON.
      let document: String = input.hasPrefix("{") && !input.hasPrefix("{\"") ? "---\n\(input)" : input
      let said: Said = try await lab.machine.run(words, input: document, environment: all, timeout: .seconds(180))
      #expect(said.status == status, "\(said)", sourceLocation: place)
      for text in texts { #expect(said.everything.contains(text), "\(text) is missing in: \(said)", sourceLocation: place) }
      return said
    }

    private func inNamespace(_ name: String, _ body: () async throws -> Void) async throws {
      try await expect("create namespace \(name)", says: ["namespace/\(name) created"])
      do { try await body() } catch { Issue.record(error) }
      try await expect("delete namespace \(name) --wait=true", says: ["namespace \"\(name)\" deleted"])
      try await expect("get namespace \(name)", status: 1, says: ["NotFound"])
    }

    static let web = """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, labels: {app: web}}
      spec:
        replicas: 2
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            terminationGracePeriodSeconds: 1
            containers:
            - {name: web, image: "tricenter.local/web:1", env: [{name: COLOUR, value: blue}]}
      """

    @Test("sees one truth through every center, at once") func oneTruth() async throws {
      try await inNamespace("truth") {
        for (round, writer) in TestLab.centers.enumerated() {
          try await expect("-n truth create configmap c\(round) --from-literal=n=\(round)", center: writer)
          var seen: Set<String> = []
          for reader in TestLab.centers {
            let said: Said = try await expect(
              "-n truth get configmap c\(round) -o jsonpath={.metadata.uid}/{.metadata.resourceVersion}/{.data.n}", center: reader)
            seen.insert(said.text)
          }
          #expect(seen.count == 1, "written in \(writer), read as \(seen)")
          #expect(seen.first?.hasSuffix("/\(round)") == true)
        }
        // A write on top of a version that is not the newest is refused, whichever center it comes through.
        let old: String = try await expect("-n truth get configmap c0 -o json").output
        try await expect("-n truth annotate configmap c0 changed=yes", center: "local-dr")
        try await expect("replace -f -", center: "remote-dr", input: old, status: 1, says: ["Conflict"])
      }
    }

    @Test("gets: wide, yaml, json, names, jsonpath, columns, selectors, pages") func reading() async throws {
      try await lab.home()
      try await expect("get nodes -o wide", center: "remote-dr", says: ["prod-1", "rdr-1", "INTERNAL-IP", "10.72.0.12", "containerd://"])
      try await expect("-n shop get pods -o wide", center: "local-dr", says: ["NOMINATED NODE", "Running", "1/1", "10.171."])
      try await expect("-n shop get deployment web -o yaml", says: ["kind: Deployment", "readyReplicas: 3", "maxSurge: 1"])
      let json: String = try await expect("-n shop get service web -o json", center: "remote-dr").output
      let service: JSONValue = try JSONValue.parse(json)
      #expect(service["spec"]["ports"][0]["nodePort"].int == 30_080)
      #expect(service["spec"]["clusterIP"].string?.hasPrefix("10.196.") == true)
      #expect(try await expect("-n shop get pods -l app=web -o name").text.split(separator: "\n").count == 3)
      let names: String = try await expect("get nodes -o jsonpath={.items[*].metadata.name}").text
      #expect(names == "ldr-1 ldr-2 prod-1 prod-2 rdr-1")
      try await expect(
        "get nodes -o custom-columns=NAME:.metadata.name,CENTER:.metadata.labels.topology\\.kubernetes\\.io/zone",
        says: ["NAME     CENTER", "rdr-1    remote-dr"])
      try await expect("get pods -A --field-selector=spec.nodeName=rdr-1", says: ["No resources found"])
      let running: String = try await expect("-n shop get pods --field-selector=status.phase=Running -l app=web,app!=x -o name").text
      #expect(running.split(separator: "\n").count == 3)
      let page: JSONValue = try JSONValue.parse(try await expect("get --raw /api/v1/nodes?limit=2").output)
      #expect(page["items"].array.count == 2 && page["metadata"]["remainingItemCount"].int == 3)
      let token: String = try #require(page["metadata"]["continue"].string)
      let rest: JSONValue = try JSONValue.parse(try await expect("get --raw /api/v1/nodes?limit=500&continue=\(token)").output)
      #expect(rest["items"].array.count == 3)
      try await expect("get nodes --chunk-size=2 -o name", says: ["node/rdr-1"])
      try await expect("get centers,clusters", center: "local-dr", says: ["production", "bank"])
      try await expect("get cluster bank -o jsonpath={.status.activation.center}", says: ["production"])
      try await expect("get nosuchthing", status: 1, says: ["the server doesn't have a resource type"])
    }

    @Test("watches with -w from every center") func watching() async throws {
      try await inNamespace("watched") {
        let watches: [(center: String, watch: Background)] = try TestLab.centers.map { center in
          (center, try lab.startKubectl("-n watched get configmaps -w -o name", center: center, log: "watch-\(center)"))
        }
        defer { for (_, watch) in watches { watch.end() } }
        // The first object shows which watch has begun.
        try await expect("-n watched create configmap first")
        for (center, watch) in watches {
          try await eventually("the watch through \(center) has begun") { watch.text.contains("configmap/first") }
        }
        try await expect("-n watched create configmap second", center: "remote-dr")
        try await expect("-n watched label configmap second a=b", center: "local-dr")
        for (center, watch) in watches {
          try await eventually("the watch through \(center) shows both changes") {
            watch.text.split(separator: "\n").filter { $0 == "configmap/second" }.count >= 2
          }
        }
      }
    }

    @Test("applies: client-side, and server-side with owners of fields") func applying() async throws {
      try await inNamespace("applied") {
        let first = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: one, b: two}}"
        let without = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: one}}"
        try await expect("-n applied apply -f -", input: first, says: ["configmap/c created"])
        try await expect("-n applied apply -f -", center: "local-dr", input: first, says: ["configmap/c unchanged"])
        try await expect("-n applied diff -f -", input: without, status: 1, says: ["-  b: two"])
        try await expect("-n applied apply -f -", center: "remote-dr", input: without, says: ["configmap/c configured"])
        #expect(try await expect("-n applied get configmap c -o jsonpath={.data}").text == #"{"a":"one"}"#)

        let theirs = "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a: one, b: two}}"
        let ours = "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a: other, c: three}}"
        try await expect("-n applied apply --server-side --field-manager=they -f -", input: theirs, says: ["serverside-applied"])
        try await expect(
          "-n applied apply --server-side --field-manager=we -f -", center: "local-dr", input: ours, status: 1,
          says: ["conflict with \"they\"", ".data.a"])
        try await expect(
          "-n applied apply --server-side --field-manager=we --force-conflicts -f -", center: "remote-dr", input: ours,
          says: ["serverside-applied"])
        #expect(try await expect("-n applied get configmap s -o jsonpath={.data}").text == #"{"a":"other","b":"two","c":"three"}"#)
        // Who gives up a field that nobody else owns removes it.
        let less = "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a: other}}"
        try await expect("-n applied apply --server-side --field-manager=we -f -", input: less, says: ["serverside-applied"])
        #expect(try await expect("-n applied get configmap s -o jsonpath={.data}").text == #"{"a":"other","b":"two"}"#)
        try await expect("-n applied get configmap s -o yaml --show-managed-fields", says: ["manager: they", "operation: Apply"])
        try await expect("-n applied apply --dry-run=server -f -", input: Self.web, says: ["created (server dry run)"])
        try await expect("-n applied get deployments", says: ["No resources found"])
      }
    }

    @Test("creates, edits, patches, labels, replaces, deletes") func changing() async throws {
      try await inNamespace("changed") {
        try await expect("-n changed create deployment d --image=tricenter.local/web:1 --replicas=0", says: ["deployment.apps/d created"])
        try await expect("-n changed create deployment d --image=x", status: 1, says: ["already exists"])
        try await expect("-n changed create secret generic s --from-literal=p=q", center: "local-dr", says: ["secret/s created"])
        #expect(try await expect("-n changed get secret s -o jsonpath={.data.p}").text == "cQ==")
        try await expect(
          "-n changed create -f -", input: "{apiVersion: v1, kind: Pod, metadata: {name: Bad_Name}}", status: 1, says: ["Invalid"])
        try await expect("-n changed create configmap c --from-literal=k=one", center: "remote-dr")

        let editor = "\(lab.machine.folder)/editor"
        try writeFile("#!/bin/sh\nsed -i 's/k: one/k: two/' \"$1\"\n", to: editor, mode: 0o755)
        try await expect(
          "-n changed edit configmap c", center: "local-dr", says: ["configmap/c edited"], environment: ["KUBE_EDITOR": editor])
        #expect(try await expect("-n changed get configmap c -o jsonpath={.data.k}").text == "two")

        try await expect(
          "-n changed patch configmap c --type=json -p",
          #"[{"op":"test","path":"/data/k","value":"two"},{"op":"add","path":"/data/l","value":"three"}]"#, says: ["patched"])
        try await expect("-n changed patch configmap c --type=json -p", #"[{"op":"test","path":"/data/k","value":"no"}]"#, status: 1)
        try await expect("-n changed patch configmap c --type=merge -p", #"{"data":{"k":null}}"#, center: "remote-dr", says: ["patched"])
        #expect(try await expect("-n changed get configmap c -o jsonpath={.data}").text == #"{"l":"three"}"#)
        // Strategic: containers are merged by name, so the image stays.
        try await expect(
          "-n changed patch deployment d --type=strategic -p",
          #"{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"A","value":"b"}]}]}}}}"#, center: "local-dr",
          says: ["patched"])
        let container: String = try await expect("-n changed get deployment d -o jsonpath={.spec.template.spec.containers[*].name}").text
        #expect(container.contains("web"))

        try await expect("-n changed label configmap c tier=gold", says: ["labeled"])
        try await expect("-n changed label configmap c tier=iron", status: 1, says: ["already has a value"])
        try await expect("-n changed label configmap c tier=iron --overwrite", center: "remote-dr", says: ["labeled"])
        try await expect("-n changed get configmaps -l tier=iron -o name", says: ["configmap/c"])
        try await expect("-n changed label configmap c tier-", says: ["unlabeled"])
        try await expect("-n changed delete configmap c --wait=true", center: "local-dr", says: ["configmap \"c\" deleted"])
        try await expect("-n changed get configmap c", center: "remote-dr", status: 1, says: ["NotFound"])
        try await expect("-n changed delete deployment d --cascade=foreground --wait=true", says: ["deleted"])
        try await expect("-n changed get replicasets", says: ["No resources found"])
      }
    }

    @Test("scales, rolls out, rolls back, waits, describes real pods") func rolling() async throws {
      try await lab.home()
      try await inNamespace("rolled") {
        try await expect("-n rolled apply -f -", center: "local-dr", input: Self.web, says: ["created"])
        try await expect("-n rolled rollout status deployment/web --timeout=120s", center: "remote-dr", says: ["successfully rolled out"])
        try await expect("-n rolled scale deployment web --replicas=3 --current-replicas=2", says: ["scaled"])
        try await expect("-n rolled wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=120s", says: ["condition met"])
        try await expect(
          "-n rolled wait --for=condition=Available deployment/web --timeout=60s", center: "local-dr", says: ["condition met"])
        try await expect(
          "-n rolled describe deployment web", center: "remote-dr", says: ["3 desired", "ScalingReplicaSet", "COLOUR:", "blue"])
        let pod: String = try #require(try await expect("-n rolled get pods -o name").text.split(separator: "\n").first.map(String.init))
        try await expect("-n rolled describe \(pod)", says: ["Node:", "prod-", "Scheduled", "Started", "State:          Running"])
        try await expect("describe node prod-1", says: ["Ready", "PodCIDR", "federation.tricenter.io/center=production"])
        try await expect("-n rolled set env deployment/web COLOUR=green", says: ["env updated"])
        try await expect("-n rolled rollout status deployment/web --timeout=120s", center: "local-dr", says: ["successfully rolled out"])
        try await expect("-n rolled rollout history deployment/web", says: ["REVISION", "2"])
        try await expect("-n rolled rollout undo deployment/web", says: ["rolled back"])
        try await expect("-n rolled rollout status deployment/web --timeout=120s", says: ["successfully rolled out"])
        try await expect("-n rolled get deployment web -o jsonpath={.spec.template.spec.containers[0].env[0].value}", says: ["blue"])
        try await expect("-n rolled delete deployment web", says: ["deleted"])
        try await expect("-n rolled wait --for=delete pods -l app=web --timeout=60s")
      }
    }

    @Test("learns what there is, from every center alike") func discovery() async throws {
      var tables: Set<String> = []
      for center in TestLab.centers {
        let said: Said = try await expect("api-resources --no-headers", center: center)
        tables.insert(said.output)
        for kind in [
          "Namespace", "Node", "Pod", "Service", "Endpoints", "EndpointSlice", "ConfigMap", "Secret", "ServiceAccount", "Event", "Lease",
          "Deployment", "ReplicaSet", "Center", "Cluster", "Failover", "Drill",
        ] {
          #expect(said.output.contains(" \(kind)\n"), "\(center) does not serve \(kind)")
        }
      }
      #expect(tables.count == 1)
      try await expect("api-versions", says: ["federation.tricenter.io/v1", "apps/v1"])
      try await expect("explain deployment.spec.strategy.rollingUpdate", center: "local-dr", says: ["maxSurge", "IntOrString"])
      try await expect("explain pod.spec.containers", says: ["<[]Container>"])
      try await expect("explain clusters.status.activation", center: "remote-dr", says: ["epoch"])
      try await expect("auth whoami", says: ["tricenter-admin", "system:masters"])
      try await expect("get --raw /readyz", center: "remote-dr", says: ["ok"])
      try await expect("version", says: ["Server Version: v1.36"])
    }
  }
}
