import HTTPTypes
import KubeModel
import Primitives
import Testing

@testable import APIServer

@Suite("Discovery and the forms of answers") struct FormTests {
  @Test("discovery, old and aggregated, tells of the same resources") func discovery() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let list: Answer = try await test.ask(.get, "/api/v1")
      let names: [String] = list.body["resources"].array.compactMap { $0["name"].string }
      #expect(names.contains("pods") && names.contains("pods/binding") && names.contains("namespaces/finalize"))
      let groups: Answer = try await test.ask(.get, "/apis")
      #expect(groups.body["groups"].array.contains { $0["name"] == "apps" })
      let accept: String = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
      let core: Answer = try await test.ask(.get, "/api", accept: accept)
      #expect(core.fields[.contentType] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
      #expect(core.body["kind"] == "APIGroupDiscoveryList")
      let all: Answer = try await test.ask(.get, "/apis", accept: accept)
      #expect(all.body["items"].array.map { $0["metadata"]["name"].string }.contains("federation.tricenter.io"))
      #expect(try await test.ask(.get, "/version").body["gitVersion"] == "v1.36.0+tricenter")
    }
  }

  @Test("tables and metadata alone") func forms() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let path: String = "/api/v1/namespaces/default/pods"
      try await test.ask(.post, path, pod("a"))
      let table: Answer = try await test.ask(.get, path, accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
      #expect(table.body["kind"] == "Table")
      #expect(table.body["rows"][0]["cells"][0] == "a")
      #expect(table.body["columnDefinitions"].array.map { $0["name"].string }.contains("Status"))
      let partial: Answer = try await test.ask(
        .get, path, accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
      #expect(partial.body["kind"] == "PartialObjectMetadataList")
      #expect(partial.body["items"][0]["kind"] == "PartialObjectMetadata")
      #expect(partial.body["items"][0]["spec"].isNull)
      let watch: TestWatch = try await test.watch(path + "?watch=1", accept: "application/json;as=Table;v=v1;g=meta.k8s.io")
      let event = try #require(try await watch.next())
      #expect(event.object["rows"][0]["cells"][0] == "a")
    }
  }

  @Test("scale is a view of replicas") func scale() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let path: String = "/apis/apps/v1/namespaces/default/deployments"
      let template: JSONValue = ["metadata": ["labels": ["app": "web"]], "spec": ["containers": [["name": "web", "image": "shop/web:1"]]]]
      let deployment: JSONValue = [
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": ["name": "web"],
        "spec": ["replicas": 3, "selector": ["matchLabels": ["app": "web"]], "template": template],
      ]
      #expect(try await test.ask(.post, path, deployment).object.generation == 1)
      let scale: Answer = try await test.ask(.get, path + "/web/scale")
      #expect(scale.body["kind"] == "Scale" && scale.body["spec"]["replicas"] == 3)
      #expect(scale.body["status"]["selector"] == "app=web")
      let merge: String = "application/merge-patch+json"
      #expect(try await test.ask(.patch, path + "/web/scale", ["spec": ["replicas": 5]], type: merge).status == 200)
      let scaled: Answer = try await test.ask(.get, path + "/web")
      #expect(scaled.object.spec["replicas"] == 5)
      #expect(scaled.object.generation == 2)
    }
  }

  @Test("health tells what is wrong") func health() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      // The caches may be filled a moment after the start.
      let clock = SystemClock()
      let deadline: MonotonicTime = clock.now() + .seconds(10)
      while try await test.ask(.get, "/readyz").status != 200, clock.now() < deadline { await Task.yield() }
      #expect(try await test.ask(.get, "/readyz").text == "ok")
      #expect(try await test.ask(.get, "/livez?verbose").text == "[+]ping ok\nlivez check passed\n")
    }
    let cold = TestServer()
    let answer: Answer = try await cold.ask(.get, "/readyz")
    #expect(answer.status == 500)
    #expect(answer.text.contains("[-]watch-caches failed"))
  }

  @Test("yaml bodies are taken") func yaml() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let text: String = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  port: \"80\"\n  text: |\n    one\n"
      let created: Answer = try await test.ask(.post, "/api/v1/namespaces/default/configmaps", text: text, type: "application/yaml")
      #expect(created.status == 201)
      #expect(created.body["data"] == ["port": "80", "text": "one\n"])
    }
  }
}
