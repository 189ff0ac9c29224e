import APIServer
import Glibc
import HTTP
import KubeClient
import KubeModel
import Keyspace
import Primitives
import Processes
import TLS
import TestSupport
import Testing

@testable import Ingress

@Suite struct NginxTests {
  static let routes: [IngressRoute] = RouteTable(
    services: [service("web", host: "shop.example,*.shop.example"), service("empty", host: "empty.example")],
    slices: [slice("web", "a", [("10.171.1.2", true), ("10.172.1.2", true)])]
  ).routes

  @Test func theFileIsTheOneInTestdata() throws {
    let text: String = NginxConfiguration(listen: ["80", "[::]:80"], folder: "/run/tricenter/ingress").render(Self.routes)
    let golden: String = testdata(#filePath, "nginx.conf")
    if getenv("TRICENTER_REWRITE") != nil { try Transcript.writeText(text, to: golden) }
    #expect(try Transcript.readText(golden) == text)
  }

  @Test func theSameRoutesGiveTheSameBytes() {
    let configuration = NginxConfiguration(listen: ["80"], folder: "/run/x")
    #expect(configuration.render(Self.routes) == configuration.render(Self.routes))
  }

  static let hasNginx: Bool = findProgram("nginx") != nil

  /// On a folder of its own and a loopback address that nothing else uses; ended by its pid file.
  static func withNginx(_ body: (NginxConfiguration) async throws -> Void) async throws {
    var template: [CChar] = Array("/tmp/tricenter-ingress-XXXXXX".utf8CString)
    let folder = String(cString: try #require(mkdtemp(&template)))
    chmod(folder, 0o755)
    let socket: Int32 = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(socket, $0, size)
        getsockname(socket, $0, &size)
      }
    }
    close(socket)
    let configuration = NginxConfiguration(listen: ["127.0.0.1:\(UInt16(bigEndian: address.sin_port))"], folder: folder)
    let result: Result<Void, any Error>
    do { result = .success(try await body(configuration)) } catch { result = .failure(error) }
    if let pid: pid_t = try? Nginx(configuration: configuration).process {
      kill(pid, SIGTERM)
      for _ in 0..<200 where kill(pid, 0) == 0 { try? await Task.sleep(for: .milliseconds(10)) }
    }
    _ = try await Command("rm", "-rf", folder).outcome()
    try result.get()
  }

  @Test(.enabled(if: hasNginx, "nginx (Debian's nginx-light) is not installed")) func aRefusedFileLeavesTheLastGoodOne() async throws {
    try await Self.withNginx { configuration in
      let nginx = try Nginx(configuration: configuration)
      let good: String = configuration.render(Self.routes)
      try await nginx.apply(good)
      let pid: pid_t = try #require(nginx.process)
      await #expect(throws: IngressError.self) { try await nginx.apply(good + "nonsense;\n") }
      #expect(nginx.current == good)
      #expect(nginx.process == pid)
    }
  }

  @Test(.enabled(if: hasNginx && findProgram("curl") != nil, "nginx or curl is not installed"))
  func aServiceIsReachedByItsHostName() async throws {
    try await Self.withNginx { configuration in
      let store = LocalKeyspace()
      let server = APIServer(configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1), store: store)
      try await server.start()
      let client = KubeClient(
        transport: InProcessTransport(
          responder: server, peer: PeerIdentity(commonName: "admin", organizations: ["system:masters"], uris: [])), fieldManager: "test")
      _ = try await client.create(
        .namespaces, KubeObject(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop"]]))
      let controller = IngressController(client: client, configuration: configuration)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await controller.run() }
        let origin = "http://\(configuration.listen[0])/"
        func answer(_ host: String) async throws -> String {
          try await Command("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: \(host)", origin).outcome().output.text
        }
        try await until { try await answer("shop.example") == "404" }
        _ = try await client.create(.services, service("web", host: "shop.example"))
        try await until { try await answer("shop.example") == "503" }
        #expect(try await answer("other.example") == "404")
        group.cancelAll()
      }
      server.stop()
      // nginx goes on without the daemon.
      #expect(try Nginx(configuration: configuration).process != nil)
    }
  }
}

/// Asks again until it is so; at most twenty seconds.
func until(_ body: () async throws -> Bool) async throws {
  for _ in 0..<400 {
    if try await body() { return }
    try await Task.sleep(for: .milliseconds(50))
  }
  Issue.record("it did not become so within 20 s")
}
