import Primitives
import Testing

@testable import KubeModel

@Suite struct OpenAPITests {
  @Test func everyReferenceLeadsSomewhere() throws {
    for (group, version) in Registry.shared.groupVersions {
      let document: JSONValue = OpenAPIDocuments.version3(Registry.shared.definitions(group: group, version: version))
      let schemas: Set<String> = Set(document["components"]["schemas"].object?.keys ?? [])
      #expect(!schemas.isEmpty)
      for reference in Self.references(document) {
        #expect(schemas.contains(String(reference.dropFirst("#/components/schemas/".count))), "\(reference)")
      }
    }
    let document: JSONValue = OpenAPIDocuments.version2(Registry.shared.definitions)
    let definitions: Set<String> = Set(document["definitions"].object?.keys ?? [])
    for reference in Self.references(document) {
      #expect(definitions.contains(String(reference.dropFirst("#/definitions/".count))), "\(reference)")
    }
  }

  private static func references(_ value: JSONValue) -> Set<String> {
    switch value {
    case .object(let object):
      var found: Set<String> = []
      for member in object.members {
        if member.key == "$ref", let text: String = member.value.string { found.insert(text) }
        found.formUnion(references(member.value))
      }
      return found
    case .array(let array): return array.reduce(into: []) { $0.formUnion(references($1)) }
    default: return []
    }
  }

  @Test func kubectlFindsWhatItLooksFor() throws {
    let document: JSONValue = try .parse(#require(OpenAPIDocuments.shared.v3("apis/apps/v1")).bytes, maximumBytes: 10_000_000)
    let deployment: JSONValue = document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    #expect(deployment["x-kubernetes-group-version-kind"] == [["group": "apps", "kind": "Deployment", "version": "v1"]])
    #expect(deployment["properties"]["spec"]["allOf"][0]["$ref"] == "#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec")
    #expect(deployment["properties"]["spec"]["description"].string?.isEmpty == false)
    let containers: JSONValue = document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    #expect(containers["x-kubernetes-patch-merge-key"] == "name" && containers["x-kubernetes-patch-strategy"] == "merge")
    #expect(containers["x-kubernetes-list-map-keys"] == ["name"])
    let item: JSONValue = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    for method in ["put", "patch"] {
      #expect(item[method]["parameters"].array.contains { $0["name"] == "fieldValidation" && $0["in"] == "query" })
      #expect(item[method]["x-kubernetes-group-version-kind"]["kind"] == "Deployment")
    }
    #expect(document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments"]["get"]["x-kubernetes-action"] == "list")
    #expect(!document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["patch"].isNull)
    #expect(OpenAPIDocuments.shared.index["paths"]["api/v1"]["serverRelativeURL"].string?.hasPrefix("/openapi/v3/api/v1?hash=") == true)
    #expect(OpenAPIDocuments.shared.v3("apis/none/v1") == nil)
    #expect(!document["components"]["schemas"]["io.k8s.api.apps.v1.DeploymentList"].isNull)
  }

  /// Walks the protobuf by its own wire rules: every length fits, and the known texts are where gnostic puts them.
  @Test func theProtobufDocumentReads() throws {
    let bytes: Bytes = OpenAPIDocuments.shared.v2Protobuf.bytes
    let fields: [(Int, ArraySlice<UInt8>)] = try Self.fields(bytes[...])
    #expect(fields.first { $0.0 == 1 }.map { Bytes($0.1).text } == "2.0")
    let definitions: [(Int, ArraySlice<UInt8>)] = try Self.fields(#require(fields.first { $0.0 == 9 }).1)
    let names: [String] = try definitions.map { try Bytes(Self.fields($0.1)[0].1).text }
    #expect(names.contains("io.k8s.api.core.v1.Pod"))
    let pod: ArraySlice<UInt8> = try #require(definitions.first { try! Bytes(Self.fields($0.1)[0].1).text == "io.k8s.api.core.v1.Pod" }).1
    let schema: [(Int, ArraySlice<UInt8>)] = try Self.fields(Self.fields(pod)[1].1)
    let kind: ArraySlice<UInt8> = try #require(schema.last { $0.0 == 31 }).1
    #expect(Bytes(kind).text.contains(#"[{"group":"","kind":"Pod","version":"v1"}]"#))
  }

  private struct Malformed: Error {}
  private static func fields(_ bytes: ArraySlice<UInt8>) throws -> [(Int, ArraySlice<UInt8>)] {
    var rest: ArraySlice<UInt8> = bytes
    func varint() throws -> Int {
      var value: Int = 0
      var shift: Int = 0
      while let byte: UInt8 = rest.popFirst() {
        value |= Int(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      throw Malformed()
    }
    var result: [(Int, ArraySlice<UInt8>)] = []
    while !rest.isEmpty {
      let tag: Int = try varint()
      if tag & 7 == 0 {
        _ = try varint()
        continue
      }
      let length: Int = try varint()
      guard tag & 7 == 2, length <= rest.count else { throw Malformed() }
      result.append((tag >> 3, rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return result
  }
}

@Suite struct TableTests {
  static let now = WallTime(rfc3339: "2026-11-22T20:00:00Z")!

  private static func cells(_ definition: ResourceDefinition, _ object: String) throws -> [JSONValue] {
    definition.table(objects: [KubeObject(try .parse(object))], now: now)["rows"][0]["cells"].array
  }

  @Test func podsAsKubectlShowsThem() throws {
    let running: String =
      #"{"metadata":{"name":"web-1","creationTimestamp":"2026-11-22T19:55:00Z"},"spec":{"nodeName":"prod-1","containers":[{"name":"a"},{"name":"b"}]},"status":{"phase":"Running","podIP":"10.1.0.5","containerStatuses":[{"name":"a","ready":true,"restartCount":2,"state":{"running":{}},"lastState":{"terminated":{"finishedAt":"2026-11-22T19:59:00Z"}}},{"name":"b","ready":false,"restartCount":0,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}"#
    #expect(
      try Self.cells(.pods, running) == ["web-1", "1/2", "CrashLoopBackOff", "2 (60s ago)", "5m", "10.1.0.5", "prod-1", "<none>", "<none>"])
    let cases: [(String, String)] = [
      (#""status":{"phase":"Pending"}"#, "Pending"), (#""status":{"phase":"Failed","reason":"Evicted"}"#, "Evicted"),
      (#""status":{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"running":{}}}]}"#, "Init:0/1"),
      (#""status":{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"terminated":{"exitCode":1}}}]}"#, "Init:ExitCode:1"),
      (#""status":{"phase":"Succeeded","containerStatuses":[{"state":{"terminated":{"reason":"Completed","exitCode":0}}}]}"#, "Completed"),
      (#""status":{"phase":"Running","containerStatuses":[{"state":{"terminated":{"signal":9}}}]}"#, "Signal:9"),
      (
        #""status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]}"#,
        "SchedulingGated"
      ),
    ]
    for (status, expected) in cases {
      let pod: String = #"{"metadata":{"name":"p"},"spec":{"initContainers":[{"name":"i"}],"containers":[{"name":"c"}]},\#(status)}"#
      #expect(try Self.cells(.pods, pod)[2].string == expected)
    }
    let deleted: String = #"{"metadata":{"name":"p","deletionTimestamp":"2026-11-22T19:59:00Z"},"spec":{},"status":{"phase":"Running"}}"#
    #expect(try Self.cells(.pods, deleted)[2] == "Terminating")
  }

  @Test func otherKinds() throws {
    #expect(
      try Self.cells(
        .deployments,
        #"{"metadata":{"name":"web","creationTimestamp":"2026-11-20T18:00:00Z"},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}},"status":{"readyReplicas":2,"updatedReplicas":3,"availableReplicas":1}}"#
      ) == ["web", "2/3", 3, 1, "2d2h", "c", "i", "app=web"])
    #expect(
      try Self.cells(
        .services,
        #"{"metadata":{"name":"web"},"spec":{"type":"NodePort","clusterIP":"10.96.0.1","clusterIPs":["10.96.0.1"],"ports":[{"port":80,"nodePort":30080,"protocol":"TCP"},{"port":53,"protocol":"UDP"}],"selector":{"b":"2","a":"1"}}}"#
      ) == ["web", "NodePort", "10.96.0.1", "<none>", "80:30080/TCP,53/UDP", "<unknown>", "a=1,b=2"])
    #expect(
      try Self.cells(
        .nodes,
        #"{"metadata":{"name":"prod-1","labels":{"node-role.kubernetes.io/worker":""}},"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],"nodeInfo":{"kubeletVersion":"v1.36.0"},"addresses":[{"type":"InternalIP","address":"10.0.0.1"}]}}"#
      ).prefix(6) == ["prod-1", "Ready,SchedulingDisabled", "worker", "<unknown>", "v1.36.0", "10.0.0.1"])
    #expect(
      try Self.cells(
        .endpointSlices,
        #"{"metadata":{"name":"s"},"addressType":"IPv4","ports":[{"port":80}],"endpoints":[{"addresses":["a"]},{"addresses":["b","c"]},{"addresses":["d"]}]}"#
      ) == ["s", "IPv4", "80", "a,b,c + 1 more...", "<unknown>"])
    #expect(
      try Self.cells(
        .events,
        #"{"metadata":{"name":"e"},"type":"Warning","reason":"BackOff","message":" x \n","count":4,"lastTimestamp":"2026-11-22T19:59:30Z","involvedObject":{"kind":"Pod","name":"p"}}"#
      )[...3] == ["30s", "Warning", "BackOff", "pod/p"])
    #expect(
      try Self.cells(
        .clusters,
        #"{"metadata":{"name":"bank"},"spec":{"centers":["a","b"]},"status":{"phase":"Active","activation":{"center":"a","epoch":2,"since":"2026-11-22T19:59:50.123456Z","previous":"b"}}}"#
      )[...5] == ["bank", "a", 2, "10s", "b", "Active"])
  }

  @Test func tablesCarryWhatIsAskedFor() throws {
    let object = KubeObject(["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"], "data": ["a": "b"]])
    func row(_ include: TableInclude) -> JSONValue {
      ResourceDefinition.configMaps.table(objects: [object], now: Self.now, include: include, metadata: ["resourceVersion": "5"])["rows"][0]
    }
    #expect(row(.metadata)["object"] == ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": ["name": "c"]])
    #expect(row(.object)["object"] == object.json)
    #expect(row(.none)["object"].isNull)
    for definition in Registry.shared.definitions {
      let table: JSONValue = definition.table(objects: [KubeObject([:])], now: Self.now)
      #expect(table["columnDefinitions"].array.count == table["rows"][0]["cells"].array.count)
    }
  }
}
