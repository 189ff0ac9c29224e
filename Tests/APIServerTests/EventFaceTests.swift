import HTTPTypes
import KubeModel
import Primitives
import Testing

@testable import APIServer

@Suite("Events by both their names") struct EventFaceTests {
  @Test("What one group writes the other reads, lists, watches and selects") func faces() async throws {
    try await TestServer.run { (server: TestServer) async throws in
      let core: JSONValue = [
        "apiVersion": "v1", "kind": "Event", "metadata": ["name": "a", "namespace": "default"],
        "involvedObject": ["kind": "Pod", "name": "web", "namespace": "default"], "reason": "Started", "message": "Started container web",
        "type": "Normal", "count": 2, "firstTimestamp": "2026-11-22T10:00:00Z", "lastTimestamp": "2026-11-22T10:00:01Z",
        "source": ["component": "kubelet"], "reportingComponent": "kubelet", "reportingInstance": "prod-1",
      ]
      #expect(try await server.ask(.post, "/api/v1/namespaces/default/events", core).status == 201)
      let new: JSONValue = try await server.ask(.get, "/apis/events.k8s.io/v1/namespaces/default/events/a").body
      #expect(new["apiVersion"].string == "events.k8s.io/v1")
      #expect(new["regarding"]["name"].string == "web")
      #expect(new["note"].string == "Started container web")
      #expect(new["deprecatedCount"].int == 2)
      #expect(new["reportingController"].string == "kubelet")
      #expect(new["involvedObject"].isNull && new["message"].isNull)

      let recorded: JSONValue = [
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": ["name": "b", "namespace": "default"],
        "regarding": ["kind": "Pod", "name": "web", "namespace": "default"], "reason": "Scheduled", "note": "to prod-1", "type": "Normal",
        "action": "Binding", "eventTime": "2026-11-22T10:00:00.000001Z", "reportingController": "scheduler", "reportingInstance": "s-1",
      ]
      #expect(try await server.ask(.post, "/apis/events.k8s.io/v1/namespaces/default/events", recorded).status == 201)
      let old: JSONValue = try await server.ask(.get, "/api/v1/namespaces/default/events/b").body
      #expect(old["involvedObject"]["kind"].string == "Pod")
      #expect(old["message"].string == "to prod-1")
      #expect(old["reportingComponent"].string == "scheduler")
      #expect(old["eventTime"].string == "2026-11-22T10:00:00.000001Z")

      func names(_ path: String) async throws -> [String] {
        try await server.ask(.get, path).body["items"].array.compactMap { $0["metadata"]["name"].string }.sorted()
      }
      #expect(try await names("/apis/events.k8s.io/v1/events") == ["a", "b"])
      #expect(try await names("/api/v1/events?fieldSelector=reason%3DScheduled,involvedObject.name%3Dweb") == ["b"])
      #expect(try await names("/apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Dweb,reportingController%3Dkubelet") == ["a"])
      #expect(try await server.ask(.get, "/apis/events.k8s.io/v1/events?fieldSelector=involvedObject.name%3Dweb").status == 400)
      // One object: a deletion by either name is one of both.
      #expect(try await server.ask(.delete, "/apis/events.k8s.io/v1/namespaces/default/events/a").status == 200)
      #expect(try await server.ask(.get, "/api/v1/namespaces/default/events/a").status == 404)
      #expect(try await names("/api/v1/events") == ["b"])
    }
  }

  @Test("A new event must say who, what and when") func strict() async throws {
    try await TestServer.run { (server: TestServer) async throws in
      let poor: JSONValue = [
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": ["name": "c", "namespace": "default"],
        "regarding": ["kind": "Pod", "name": "web", "namespace": "default"], "type": "Odd",
      ]
      let answer = try await server.ask(.post, "/apis/events.k8s.io/v1/namespaces/default/events", poor)
      #expect(answer.status == 422)
      for word in ["eventTime", "reportingController", "reportingInstance", "action", "reason", "Odd"] {
        #expect(answer.body["message"].string?.contains(word) == true, "\(word)")
      }
    }
  }
}
