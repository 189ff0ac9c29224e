import HTTPTypes
import KubeModel
import Testing

@testable import APIServer

@Suite("Lists and watches") struct WatchTests {
  static let path: String = "/api/v1/namespaces/default/configmaps"

  @Test("a list and a watch from its version see every change once") func listThenWatch() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, Self.path, configMap("a"))
      let list: Answer = try await test.ask(.get, Self.path)
      #expect(list.body["kind"] == "ConfigMapList")
      #expect(list.body["items"].array.count == 1)
      let version: String = list.body["metadata"]["resourceVersion"].string ?? ""
      let watch: TestWatch = try await test.watch("\(Self.path)?watch=true&resourceVersion=\(version)")
      try await test.ask(.post, Self.path, configMap("b"))
      try await test.ask(.patch, Self.path + "/b", ["data": ["x": "1"]], type: "application/merge-patch+json")
      try await test.ask(.delete, Self.path + "/a")
      #expect(try await watch.take(3) == ["ADDED b", "MODIFIED b", "DELETED a"])
    }
  }

  @Test("a watch without a version begins with what is there") func initialState() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, Self.path, configMap("a"))
      let watch: TestWatch = try await test.watch("\(Self.path)?watch=1")
      try await test.ask(.post, Self.path, configMap("b"))
      #expect(try await watch.take(2) == ["ADDED a", "ADDED b"])
    }
  }

  @Test("an object that leaves the selection is deleted for the watcher") func selection() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let watch: TestWatch = try await test.watch("\(Self.path)?watch=1&labelSelector=app%3Dweb")
      try await test.ask(.post, Self.path, configMap("a", labels: ["app": "web"]))
      try await test.ask(.post, Self.path, configMap("b", labels: ["app": "db"]))
      let patch: JSONValue = ["metadata": ["labels": ["app": "db"]]]
      let left: Answer = try await test.ask(.patch, Self.path + "/a", patch, type: "application/merge-patch+json")
      #expect(try await watch.take(1) == ["ADDED a"])
      let event = try #require(try await watch.next())
      #expect(event.type == "DELETED")
      #expect(event.object.labels == ["app": "web"])
      #expect(event.object.resourceVersion == left.object.resourceVersion)
    }
  }

  @Test("sendInitialEvents ends the state with a marked bookmark") func watchList() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, Self.path, configMap("a"))
      let watch: TestWatch = try await test.watch(
        "\(Self.path)?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
      #expect(try await watch.take(1) == ["ADDED a"])
      let bookmark = try #require(try await watch.next())
      #expect(bookmark.type == "BOOKMARK")
      #expect(bookmark.object.annotations["k8s.io/initial-events-end"] == "true")
    }
  }

  @Test("pages show one revision, whatever is written between them") func pages() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      for name in ["a", "b", "c", "d", "e"] { try await test.ask(.post, Self.path, configMap(name)) }
      let first: Answer = try await test.ask(.get, Self.path + "?limit=2")
      #expect(first.body["items"].array.map { KubeObject($0).name } == ["a", "b"])
      #expect(first.body["metadata"]["remainingItemCount"] == 3)
      try await test.ask(.delete, Self.path + "/d")
      try await test.ask(.post, Self.path, configMap("cc"))
      let token: String = first.body["metadata"]["continue"].string ?? ""
      let rest: Answer = try await test.ask(.get, Self.path + "?limit=10&continue=\(token)")
      #expect(rest.body["items"].array.map { KubeObject($0).name } == ["c", "d", "e"])
      #expect(rest.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"])
    }
  }

  @Test("a version that was compacted away is 410 Expired, as list and as watch") func compaction() async throws {
    var limits = APIServerLimits()
    limits.eventsPerResource = 4
    try await TestServer.run(limits: limits) { (test: TestServer) async throws in
      let first: Answer = try await test.ask(.post, Self.path, configMap("a"))
      let old: String = first.object.resourceVersion
      for index in 0..<8 { try await test.ask(.post, Self.path, configMap("b\(index)")) }
      // Still in the store's history: the ring has dropped it, the watch gets it all the same.
      let replayed: TestWatch = try await test.watch("\(Self.path)?watch=1&resourceVersion=\(old)")
      #expect(try await replayed.take(8) == (0..<8).map { "ADDED b\($0)" })
      let last: Answer = try await test.ask(.get, Self.path)
      try await test.store.compact(revision: Int64(last.body["metadata"]["resourceVersion"].string ?? "") ?? 0)
      let watch: TestWatch = try await test.watch("\(Self.path)?watch=1&resourceVersion=\(old)")
      let event = try #require(try await watch.next())
      #expect(event.type == "ERROR")
      #expect(event.object["code"] == 410)
      #expect(event.object["reason"] == "Expired")
      let exact: Answer = try await test.ask(.get, "\(Self.path)?resourceVersion=\(old)&resourceVersionMatch=Exact")
      #expect(exact.status == 410)
    }
  }
}
