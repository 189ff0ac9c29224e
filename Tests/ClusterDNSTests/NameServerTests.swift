import KubeModel
import Primitives
import Testing

@testable import ClusterDNS

struct FixedDirectory: ServiceDirectory {
  var services: [KubeObject] = []
  var endpointSlices: [KubeObject] = []
  func service(namespace: String, name: String) -> KubeObject? { services.first { $0.namespace == namespace && $0.name == name } }
  func hasNamespace(_ namespace: String) -> Bool { services.contains { $0.namespace == namespace } }
  func slices(namespace: String, service: String) -> [KubeObject] {
    endpointSlices.filter { $0.namespace == namespace && $0.labels["kubernetes.io/service-name"] == service }
  }
  func service(clusterIP: String) -> KubeObject? { services.first { $0.spec["clusterIP"].string == clusterIP } }

  static let shop: FixedDirectory = {
    func service(_ name: String, _ spec: JSONValue) -> KubeObject {
      KubeObject(["metadata": ["name": .string(name), "namespace": "shop"], "spec": spec])
    }
    let ports: JSONValue = [["name": "http", "port": 80, "protocol": "TCP"]]
    let slice = KubeObject([
      "metadata": ["name": "db-1", "namespace": "shop", "labels": ["kubernetes.io/service-name": "db"]],
      "ports": [["name": "sql", "port": 5432]],
      "endpoints": [
        ["addresses": ["10.1.0.5"], "hostname": "db-0", "conditions": ["ready": true]],
        ["addresses": ["10.1.0.6"], "conditions": ["ready": true]], ["addresses": ["10.1.0.7"], "conditions": ["ready": false]],
      ],
    ])
    return FixedDirectory(
      services: [
        service("web", ["clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ports": ports]), service("db", ["clusterIP": "None"]),
        service("bank", ["type": "ExternalName", "externalName": "core.bank.example"]),
      ], endpointSlices: [slice])
  }()
}

/// A query as a client sends it.
func query(_ name: String, _ type: UInt16 = DNSType.a, edns: Int? = nil) -> Bytes {
  var message: Bytes = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns == nil ? 0 : 1]
  for label in name.split(separator: ".") { message += [UInt8(label.utf8.count)] + Array(label.utf8) }
  message += [0, UInt8(type >> 8), UInt8(type & 0xFF), 0, 1]
  if let edns { message += [0, 0, 41, UInt8(edns >> 8), UInt8(edns & 0xFF), 0, 0, 0, 0, 0, 0] }
  return message
}

@Suite struct NameServerTests {
  static func server(_ state: GlobalState = .active(center: "local-dr", epoch: 2, addresses: ["10.72.0.11", "10.72.0.12"])) -> NameServer {
    NameServer(.init(domain: "cluster.local", cluster: "bank", zone: "tricenter.test"), directory: FixedDirectory.shop, state: { state })
  }

  static func ask(_ name: String, _ type: UInt16 = DNSType.a, _ server: NameServer = server()) throws -> DNSAnswer {
    server.answer(try DNSQuery.parse(query(name, type)).get())
  }
  static func addresses(_ answer: DNSAnswer) -> [String] {
    answer.answers.compactMap { if case .a(let bytes) = $0.data { bytes.map { String($0) }.joined(separator: ".") } else { nil } }
  }

  @Test func servicesHaveTheirClusterIP() throws {
    #expect(Self.addresses(try Self.ask("web.shop.svc.cluster.local")) == ["10.96.0.7"])
    #expect(Self.addresses(try Self.ask("WEB.Shop.svc.Cluster.LOCAL")) == ["10.96.0.7"])
    let none: DNSAnswer = try Self.ask("web.shop.svc.cluster.local", DNSType.aaaa)
    #expect(none.code == .noError && none.answers.isEmpty && none.authority.first?.type == DNSType.soa)
  }

  @Test func headlessServicesHaveTheirReadyEndpoints() throws {
    #expect(Self.addresses(try Self.ask("db.shop.svc.cluster.local")) == ["10.1.0.5", "10.1.0.6"])
    #expect(Self.addresses(try Self.ask("db-0.db.shop.svc.cluster.local")) == ["10.1.0.5"])
    #expect(Self.addresses(try Self.ask("10-1-0-6.db.shop.svc.cluster.local")) == ["10.1.0.6"])
    #expect(try Self.ask("db-9.db.shop.svc.cluster.local").code == .nameError)
    let services: DNSAnswer = try Self.ask("_sql._tcp.db.shop.svc.cluster.local", DNSType.srv)
    #expect(services.answers.count == 2)
    #expect(
      services.answers.first?.data
        == .srv(priority: 0, weight: 100, port: 5432, target: DNSName("db-0.db.shop.svc.cluster.local")))
  }

  @Test func podsOfACenterThatAnActivationHasLeftAreNamedNoMoreButHotOnes() throws {
    func ask(_ directory: FixedDirectory, left: String?) throws -> [String] {
      let configuration = NameServer.Configuration(domain: "cluster.local", cluster: "bank", zone: "tricenter.test")
      let server = NameServer(configuration, directory: directory, left: { left }, state: { .unknown })
      return try Self.addresses(Self.ask("db.shop.svc.cluster.local", DNSType.a, server))
    }
    var directory: FixedDirectory = .shop
    var endpoints: [JSONValue] = directory.endpointSlices[0]["endpoints"].array
    (endpoints[0]["zone"], endpoints[1]["zone"]) = ("production", "local-dr")
    directory.endpointSlices[0]["endpoints"] = .array(endpoints)
    #expect(try ask(directory, left: nil) == ["10.1.0.5", "10.1.0.6"])
    #expect(try ask(directory, left: "production") == ["10.1.0.6"])
    directory.endpointSlices[0].json["metadata"]["labels"][WorkloadTier.annotation] = .string(WorkloadTier.hot.rawValue)
    #expect(try ask(directory, left: "production") == ["10.1.0.5", "10.1.0.6"])
  }

  @Test func namesThatDoNotExistAndNamesInBetween() throws {
    for name in ["nothing.shop.svc.cluster.local", "web.nowhere.svc.cluster.local", "x.cluster.local", "a.web.shop.svc.cluster.local"] {
      let answer: DNSAnswer = try Self.ask(name)
      #expect(answer.code == .nameError, "\(name)")
      #expect(answer.authority.first?.type == DNSType.soa)
    }
    for name in ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"] {
      let answer: DNSAnswer = try Self.ask(name)
      #expect(answer.code == .noError && answer.answers.isEmpty, "\(name)")
    }
  }

  @Test func portsExternalNamesPodsAndReverse() throws {
    let port: DNSAnswer = try Self.ask("_http._tcp.web.shop.svc.cluster.local", DNSType.srv)
    #expect(port.answers.first?.data == .srv(priority: 0, weight: 100, port: 80, target: DNSName("web.shop.svc.cluster.local")))
    #expect(try Self.ask("_http._udp.web.shop.svc.cluster.local", DNSType.srv).code == .nameError)
    #expect(try Self.ask("bank.shop.svc.cluster.local").answers.first?.data == .cname(DNSName("core.bank.example")))
    #expect(Self.addresses(try Self.ask("10-9-8-7.shop.pod.cluster.local")) == ["10.9.8.7"])
    #expect(try Self.ask("not-an-address.shop.pod.cluster.local").code == .nameError)
    #expect(try Self.ask("7.0.96.10.in-addr.arpa", DNSType.ptr).answers.first?.data == .ptr(DNSName("web.shop.svc.cluster.local")))
  }

  @Test func globalNamesFollowTheActiveCenterWithOneSecond() throws {
    let answer: DNSAnswer = try Self.ask("web.shop.bank.tricenter.test")
    #expect(Self.addresses(answer) == ["10.72.0.11", "10.72.0.12"])
    #expect(answer.answers.allSatisfy { $0.ttlSeconds == 1 })
    #expect(try Self.ask("bank.tricenter.test", DNSType.txt).answers.first?.data == .txt(["center=local-dr", "epoch=2"]))
    #expect(try Self.ask("no.shop.bank.tricenter.test").code == .nameError)
    #expect(try Self.ask("web.shop.bank.tricenter.test", DNSType.a, Self.server(.unknown)).code == .serverFailure)
  }

  @Test func theRestOfTheWorldIsRefused() throws {
    for name in ["example.org", "tricenter.test", "1.1.1.1.in-addr.arpa", "."] { #expect(try Self.ask(name).code == .refused, "\(name)") }
  }

  @Test func aLargeAnswerIsCutOverUDPAndWholeOverTCP() throws {
    let many: [String] = (0..<60).map { "10.72.1.\($0)" }
    let server: NameServer = Self.server(.active(center: "local-dr", epoch: 2, addresses: many))
    let plain: Bytes = try #require(server.respond(to: query("bank.tricenter.test"), stream: false))
    #expect(plain.count <= 512 && plain[2] & 0x02 != 0)
    let edns: Bytes = try #require(server.respond(to: query("bank.tricenter.test", edns: 4_096), stream: false))
    #expect(edns.count > 512 && edns.count <= 1_232)
    let stream: Bytes = try #require(server.respond(to: query("bank.tricenter.test"), stream: true))
    #expect(stream[2] & 0x02 == 0 && stream[7] == 60)
  }

  @Test func garbageIsAnsweredByItsCodeOrNotAtAll() {
    let server: NameServer = Self.server()
    var response: Bytes = query("a.b")
    response[2] |= 0x80
    #expect(server.respond(to: response, stream: false) == nil)
    #expect(server.respond(to: [1, 2, 3], stream: false) == nil)
    var update: Bytes = query("a.b")
    update[2] = 5 << 3
    #expect(server.respond(to: update, stream: false).map { $0[3] & 0x0F } == 4)
    #expect(server.respond(to: Bytes(query("a.b").dropLast(3)), stream: false).map { $0[3] & 0x0F } == 1)
    var loop: Bytes = query("")
    loop.replaceSubrange(12..<13, with: [0xC0, 12])
    #expect(server.respond(to: loop, stream: false).map { $0[3] & 0x0F } == 1)
    var random = SeededRandom(seed: 1)
    for _ in 0..<20_000 {
      var message: Bytes = query("web.shop.svc.cluster.local", DNSType.a, edns: 1_232)
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        message[Int.random(in: message.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = server.respond(to: Bytes(message.prefix(Int.random(in: 0...message.count, using: &random))), stream: Bool.random(using: &random))
    }
  }
}
