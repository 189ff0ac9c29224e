import HTTPTypes
import KubeModel
import Primitives
import Testing

@testable import APIServer

@Suite("Values: sorted objects, ring, tokens, paths, ranges") struct ValueTests {
  static let maps: ResourceDefinition = .configMaps

  static func object(_ path: String, _ revision: Int64 = 1) -> StoredObject {
    StoredObject(path: Bytes(path), value: Bytes("{\"metadata\":{\"name\":\"x\"}}"), revision: revision, definition: maps)
  }

  @Test("objects stay in order through ten thousand changes, as a plain dictionary says") func sorted() {
    var random = SeededRandom(seed: 7)
    var objects = SortedObjects()
    var model: [String: Int64] = [:]
    for step in 0..<10_000 {
      let path: String = "ns\(random.next() % 7)/n\(random.next() % 900)"
      if random.next() % 3 == 0 {
        #expect((objects.remove(Bytes(path)) != nil) == (model.removeValue(forKey: path) != nil))
      } else {
        objects.put(Self.object(path, Int64(step + 1)))
        model[path] = Int64(step + 1)
      }
    }
    #expect(objects.count == model.count)
    let expected: [String] = model.keys.sorted { Bytes($0).lexicographicallyPrecedes(Bytes($1)) }
    #expect(objects.all.map { $0.path.text } == expected)
    for (path, revision) in model { #expect(objects[Bytes(path)]?.revision == revision) }
    var walked: [String] = []
    objects.walk(from: Bytes("ns3/")) { object in
      walked.append(object.path.text)
      return true
    }
    #expect(walked == expected.filter { !Bytes($0).lexicographicallyPrecedes(Bytes("ns3/")) })
  }

  @Test("the ring keeps the newest, and knows what it dropped") func ring() {
    var ring = EventRing(completeAfter: 10, countLimit: 4, byteLimit: 1 << 20)
    for revision in 11...20 { ring.append(WatchEntry(kind: .added, object: Self.object("a", Int64(revision)), previous: nil)) }
    #expect(ring.count == 4)
    #expect(ring.completeAfter == 16)
    #expect(ring.sequence(after: 15) == nil)
    #expect(ring.sequence(after: 16) == 6)
    #expect(ring.sequence(after: 18) == 8)
    #expect(ring.sequence(after: 99) == 10)
    #expect(ring.read(from: 5, limit: 10) == nil)
    #expect(ring.read(from: 8, limit: 10)?.map(\.object.revision) == [19, 20])
    ring.reset(completeAfter: 30)
    #expect(ring.read(from: 10, limit: 1) == nil)
    #expect(ring.sequence(after: 30) == ring.nextSequence)
  }

  @Test("a continue token survives its way through a client") func token() throws {
    let token = ContinueToken(revision: 77, after: Bytes("shop/web-é"))
    #expect(try ContinueToken(token.text) == token)
    for text in ["", "x", "eyJ2IjoibWV0YSJ9", "!!!!"] { #expect(throws: KubeStatus.self) { try ContinueToken(text) } }
  }

  @Test(
    "paths say what is asked for",
    arguments: [
      ("GET", "/api/v1/namespaces/shop/pods/web?x=1", "get pods  shop web"), ("GET", "/api/v1/pods?watch=true", "watch pods   "),
      ("GET", "/api/v1/namespaces/shop", "get namespaces  shop shop"),
      ("PUT", "/api/v1/namespaces/shop/finalize", "update namespaces finalize shop shop"),
      ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/scale", "patch deployments scale shop web"),
      ("DELETE", "/api/v1/namespaces/shop/pods", "deletecollection pods  shop "), ("GET", "/api/v1/watch/pods", "watch pods   "),
      ("GET", "/apis/apps/v1", "get    "), ("GET", "/livez", "get    "),
    ]) func paths(_ method: String, _ path: String, _ expected: String) throws
  {
    let info = try #require(RequestInfo(HTTPRequest(method: .init(method)!, scheme: "https", authority: "a", path: path)))
    #expect("\(info.verb) \(info.resource) \(info.subresource) \(info.namespace) \(info.name)" == expected)
  }

  @Test("ranges of addresses") func ranges() {
    #expect(IPv4Range("10.96.0.0/12")?.count == 1 << 20)
    for text in ["10.96.0.1/12", "10.96.0.0", "10.96.0.0/33", "10.96.0/12", "010.0.0.0/8", "::/0"] { #expect(IPv4Range(text) == nil) }
    #expect(IPv4Range("0.0.0.0/0")?.last == .max)
    #expect(IPv4Range("10.1.0.0/16")!.overlaps(IPv4Range("10.1.7.0/24")!))
    #expect(!IPv4Range("10.1.0.0/16")!.overlaps(IPv4Range("10.2.0.0/16")!))
  }

  @Test(
    "the form of the answer is negotiated",
    arguments: [
      (nil, OutputForm.whole), ("*/*", .whole), ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", .table),
      ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", .whole),
      ("application/vnd.kubernetes.protobuf,application/json", .whole),
      ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", .metadata),
    ]) func negotiation(_ accept: String?, _ form: OutputForm) throws
  {
    #expect(try OutputForm.negotiate(accept) == form)
  }

  @Test("yaml scalars are what Kubernetes reads them as") func yaml() throws {
    let value: JSONValue = try YAMLDocument.json("a: 1\nb: \"1\"\nc: yes\nd: 1.5\ne: ~\nf: 10.0.0.1\ng: [x, 2]\nh: v1.2.3\n")
    #expect(value["a"] == 1 && value["b"] == "1" && value["c"] == true && value["d"] == 1.5)
    #expect(value["f"] == "10.0.0.1" && value["g"] == ["x", 2] && value["h"] == "v1.2.3")
    #expect(throws: KubeStatus.self) { try YAMLDocument.json("a: [") }
  }
}
