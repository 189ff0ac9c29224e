import HTTP
import KubeModel
import Primitives
import Testing

@testable import KubeClient

@Suite struct WatchTests {
  @Test func `lines come out whole however they arrive`() throws {
    let text: String = "{\"a\":1}\n\n{\"b\":\"ü\"}\r\n{\"c\":3}\n"
    for size in 1...text.utf8.count {
      var framer = LineFramer(limit: 100)
      var lines: [String] = []
      var rest: ArraySlice<UInt8> = Array(text.utf8)[...]
      while !rest.isEmpty {
        framer.append(rest.prefix(size))
        rest = rest.dropFirst(size)
        while let line: Bytes = try framer.next() { lines.append(line.text) }
      }
      #expect(lines == ["{\"a\":1}", "{\"b\":\"ü\"}", "{\"c\":3}"])
      #expect(framer.unfinished == 0)
    }
  }

  @Test func `a line beyond the limit is refused before it ends`() throws {
    var framer = LineFramer(limit: 10)
    framer.append(Bytes(repeating: 65, count: 11))
    #expect(throws: KubeError(.tooLarge, "")) { try framer.next() }
  }

  @Test func `many lines do not pile up`() throws {
    var framer = LineFramer(limit: 1000)
    for _ in 0..<10_000 {
      framer.append(Bytes("{\"some\":\"event of an object\"}\n{"))
      _ = try framer.next()
      framer.append(Bytes("}\n"))
      _ = try framer.next()
    }
    #expect(framer.unfinished == 0)
  }

  @Test func `events are told apart and an error event carries its status`() async throws {
    let transport = ScriptedTransport { _, _, _ in
      .init(
        200, line("ADDED", pod("a", version: 1)) + line("MODIFIED", pod("a", version: 2)),
        line("DELETED", pod("a", version: 3)) + line("BOOKMARK", KubeObject(["kind": "Pod", "metadata": ["resourceVersion": "7"]])),
        #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"# + "\n")
    }
    let client = KubeClient(transport: transport, fieldManager: "t")
    var seen: [String] = []
    for try await event in try await client.watch(.pods, namespace: "shop", resourceVersion: "0") {
      switch event {
      case .added(let object): seen.append("added \(object.resourceVersion)")
      case .modified(let object): seen.append("modified \(object.resourceVersion)")
      case .deleted(let object): seen.append("deleted \(object.resourceVersion)")
      case .bookmark(let version): seen.append("bookmark \(version)")
      case .error(let error): seen.append("error \(error.code) \(error.message)")
      }
    }
    #expect(seen == ["added 1", "modified 2", "deleted 3", "bookmark 7", "error gone watch pods in shop: too old"])
    #expect(transport.requests == ["GET /api/v1/namespaces/shop/pods?watch=true&resourceVersion=0&allowWatchBookmarks=true"])
  }

  @Test func `a stream that stops inside an event is a broken connection`() async throws {
    let client = KubeClient(transport: ScriptedTransport { _, _, _ in .init(200, #"{"type":"ADDED","#) }, fieldManager: "t")
    let watch: KubeWatch = try await client.watch(.pods, resourceVersion: "1")
    await #expect(throws: KubeError(.connectionLost, "")) { for try await _ in watch {} }
  }
}
