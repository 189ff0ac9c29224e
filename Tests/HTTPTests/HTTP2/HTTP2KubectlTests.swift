import Glibc
import NIOCore
import Primitives
import Processes
import Synchronization
import TLS
import Testing

@testable import HTTP

/// Go's own HTTP/2 client (net/http), which kubectl and every Kubernetes client in Go are, over mutual TLS.
@Suite(.enabled(if: access("/usr/bin/kubectl", X_OK) == 0, "kubectl is not installed"))
struct HTTP2KubectlTests {
  private final class Seen: Sendable {
    let http2: Atomic<Int> = Atomic(0)
  }

  @Test func getsPostsAndLeaves() async throws {
    let pki = try TestPKI()
    let folder: String = "/tmp/tricenter-kubectl-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    try #require(mkdir(folder, 0o700) == 0)
    defer {
      for file in ["ca.pem", "ca.key", "c.pem", "c.key", "body", "log"] { unlink("\(folder)/\(file)") }
      rmdir(folder)
    }
    try pki.authority.write(certificateFile: folder + "/ca.pem", keyFile: folder + "/ca.key")
    try pki.clientIdentity.write(certificateFile: folder + "/c.pem", keyFile: folder + "/c.key")
    let seen = Seen()
    let responder = EchoResponder()
    var configuration = HTTPServerConfiguration(
      address: .host("127.0.0.1", port: 0), tls: pki.server, logger: quiet("server"), grace: .milliseconds(100))
    configuration.limits.headTimeout = .seconds(120)
    let router: StreamRouter = { head in
      if head.isHTTP2 { seen.http2.wrappingAdd(1, ordering: .relaxed) }
      return nil
    }
    let server = HTTPServer(configuration, streams: router, responder: responder)
    try await server.start()
    let kubectl: [String] = [
      "kubectl", "--kubeconfig", "/dev/null", "--server", "https://127.0.0.1:\(try #require(server.port))", "--certificate-authority",
      folder + "/ca.pem", "--client-certificate", folder + "/c.pem", "--client-key", folder + "/c.key",
    ]
    do {
      #expect(try await Command(kubectl + ["get", "--raw", "/hello"], timeout: .seconds(60)).run() == "hello GET")
      #expect(try await Command(kubectl + ["get", "--raw", "/peer"], timeout: .seconds(60)).run() == "alice")
      #expect(try await Command(kubectl + ["get", "--raw", "/count"], timeout: .seconds(60)).run() == "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n")
      // Larger than either window.
      let body = String(repeating: "0123456789abcdef", count: 5 << 16)
      try write(body, to: folder + "/body")
      var post = Command(kubectl + ["create", "--raw", "/echo", "-f", folder + "/body"], timeout: .seconds(60))
      post.outputLimit = 8 << 20
      let echo: String = try await post.run()
      #expect(echo.utf8.count == body.utf8.count)
      #expect(echo == body)
      // It asks for more than it is told to.
      #expect(seen.http2.load(ordering: .relaxed) >= 4)
      // A watcher that is killed.
      let pid: pid_t = try startDetached(kubectl + ["get", "--raw", "/wait"], log: folder + "/log")
      try await eventually("the watch stands") {
        ((try? Command("cat", folder + "/log").runBlocking().output.text) ?? "").contains("waiting")
      }
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      try await eventually("its responder is told") { responder.seen.cancelled.load(ordering: .sequentiallyConsistent) == 1 }
      try await eventually("no connection is left") { server.connections == 0 }
    } catch {
      Issue.record(error)
    }
    await server.shutdown()
  }

  private func write(_ text: String, to path: String) throws {
    let descriptor: Int32 = open(path, O_CREAT | O_WRONLY, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var bytes: ArraySlice<UInt8> = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count: Int = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      try #require(count > 0)
      bytes = bytes.dropFirst(count)
    }
  }
}
