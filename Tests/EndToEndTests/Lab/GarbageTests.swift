import Glibc
import Primitives
import Processes
import Testing

extension LabSuite {
  /// Garbage on every listener of a lab that works meanwhile: refused, logged once, and it costs nothing else.
  @Suite(
    "Garbage on every listener", .serialized,
    .enabled(if: Client.openssl && Client.etcdctl && Client.kubectl, "openssl, etcdctl or kubectl is not installed"))
  struct GarbageTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    static let hosts: [String] = ["prod-1", "ldr-1", "rdr-1"]
    /// Store clients, store peers, apiserver, admin, kubelet.
    static let mutual: [Int] = [2_379, 2_380, 6_443, 9_090, 10_250]
    /// And the role URLs, which ask nobody for a certificate.
    static let secure: [Int] = mutual + [8_008]

    /// What must not suffer, before and after.
    struct Condition: Sendable {
      var pids: [String: pid_t] = [:]
      var residentMiB: [String: Int] = [:]
      var descriptors: [String: Int] = [:]
      var refusals: [String: Int] = [:]
    }

    private func condition() throws -> Condition {
      var condition = Condition()
      for host in Self.hosts {
        for verb in ["center", "node"] {
          let pid: pid_t = try #require(lab.daemon(verb, host), "\(verb) of \(host) does not run")
          let name = "\(host)-\(verb)"
          condition.pids[name] = pid
          let line: Substring? = readFile("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
          condition.residentMiB[name] = line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 / 1_024 }
          condition.descriptors[name] = entries("/proc/\(pid)/fd").count
          condition.refusals[name] = lab.log(name).split(separator: "\n").count {
            $0.contains("refused") || $0.contains("half-open") || $0.contains("malformed")
          }
        }
      }
      return condition
    }

    /// A body of garbage with clients at work beside it; afterwards everything must be as before.
    private func withoutHarm(_ name: String, leastLines: Int = 1, mostLines: Int, _ body: () async throws -> Void) async throws {
      let before: Condition = try condition()
      let writers = try Writers(lab, "garbage", count: 1)
      do {
        try await writers.progress(3)
        try await body()
        try await writers.progress(3)
      } catch {
        writers.stop()
        throw error
      }
      let result = try await writers.end(lookingThrough: "rdr-1")
      #expect(
        result.lost.isEmpty && result.failed == 0, "\(name): of the writes beside it \(result.failed) failed, \(result.lost.count) are lost"
      )
      let checked: TestLab = lab
      try await eventually("\(name): every connection is given back", within: .seconds(60)) {
        Self.hosts.allSatisfy { host in
          ["center", "node"].allSatisfy { verb in
            guard let pid: pid_t = checked.daemon(verb, host) else { return false }
            return entries("/proc/\(pid)/fd").count <= (before.descriptors["\(host)-\(verb)"] ?? 0) + 12
          }
        }
      }
      let after: Condition = try condition()
      #expect(after.pids == before.pids, "\(name): a process was restarted")
      var told: [String] = []
      for (process, pages) in after.residentMiB.sorted(by: { $0.key < $1.key }) {
        let (grown, lines) = (pages - (before.residentMiB[process] ?? 0), (after.refusals[process] ?? 0) - (before.refusals[process] ?? 0))
        #expect(grown < 48, "\(name): \(process) has grown by \(grown) MiB")
        #expect(lines <= mostLines, "\(name): \(process) has logged \(lines) lines")
        // Every center was sent garbage and says so.
        #expect(lines >= leastLines || process.hasSuffix("-node"), "\(name): \(process) has logged nothing")
        told.append("\(process) \(grown >= 0 ? "+" : "")\(grown) MiB, \(lines) lines")
      }
      print("garbage, \(name): \(told.joined(separator: "; "))")
      try await lab.kubectl("get --raw /readyz").passed()
    }

    @Test("the listeners are the ones that are known") func listeners() async throws {
      for host in TestLab.hosts {
        let address: String = TestLab.address[host] ?? ""
        let tcp: Said = try await lab.machine.run(["ss", "-Hltn"], on: host).passed()
        let open: Set<String> = Set(
          tcp.output.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst(3).first.map(String.init) }
            .filter { !$0.hasPrefix("127.0.0.1:") })
        #expect(open == Set((Self.secure + [53]).map { "\(address):\($0)" }), "\(host) listens on \(open)")
        let udp: Said = try await lab.machine.run(["ss", "-Hlun"], on: host).passed()
        let datagrams: [String] = udp.output.split(separator: "\n").compactMap {
          $0.split(separator: " ").dropFirst(3).first.map(String.init)
        }
        #expect(Set(datagrams) == ["\(address):53"], "\(host) takes datagrams on \(datagrams)")
      }
    }

    @Test("random bytes and other protocols") func randomBytes() async throws {
      try await withoutHarm("random bytes", mostLines: 40) {
        var random = SeededRandom(seed: 7)
        let branch: String = lab.machine.network("branch")
        var bodies: [Bytes] = [1, 5, 100, 4_096, 70_000].map { size in
          (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        bodies.append(Bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        bodies.append(Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Bytes(repeating: 0, count: 9))
        // A handshake record of the largest length that TLS forbids, and one whose message says that it is 16 MiB long.
        bodies.append([22, 3, 1, 0xFF, 0xFF] + Bytes(repeating: 1, count: 65_535))
        bodies.append([22, 3, 1, 0x40, 0, 1, 0xFF, 0xFF, 0xFF] + Bytes(repeating: 1, count: 16_380))
        let all: [Bytes] = bodies
        try await together(Self.hosts) { host in
          try await together(Self.secure) { port in
            let unclosed: [Int] = try await onAThread {
              var sockets: [(Int, RawSocket)] = []
              for body in all {
                let socket = try #require(try RawSocket.connect(branch, to: TestLab.address[host] ?? "", port)).socket
                socket.send(body, within: .seconds(5))
                sockets.append((body.count, socket))
              }
              // A byte or five that may begin a handshake are waited for ten seconds; what cannot begin one is refused at once.
              return sockets.filter { $0.1.closing(within: .seconds(30)) == nil }.map(\.0)
            }
            #expect(unclosed.isEmpty, "\(host):\(port) keeps the connections that sent \(unclosed) bytes")
          }
        }
      }
    }

    @Test("half-open TLS: connections that begin a handshake and fall silent") func halfOpen() async throws {
      // What was logged a moment ago, of the same address for the same reason, is not logged again.
      try await withoutHarm("half-open TLS", leastLines: 0, mostLines: 40) {
        let branch: String = lab.machine.network("branch")
        try await together(Self.hosts) { host in
          let kept: Int = try await onAThread {
            var sockets: [RawSocket] = []
            for port in Self.secure {
              for number in 0..<20 {
                guard let socket = try RawSocket.connect(branch, to: TestLab.address[host] ?? "", port)?.socket else { continue }
                // Nothing at all, or the first bytes of a ClientHello.
                if number % 2 == 1 { socket.send([22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]) }
                sockets.append(socket)
              }
            }
            return sockets.count { $0.closing(within: .seconds(30)) == nil }
          }
          #expect(kept == 0, "\(host): \(kept) half-open connections are still there after 30 s")
        }
      }
    }

    /// openssl's client with this identity; what it said once the server had judged.
    private func openssl(
      _ host: String, _ port: Int, identity: String?, protocols: String? = nil, input: String = "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      more: [String] = []
    ) async throws -> Said {
      var words: [String] = [
        "timeout", "20", "openssl", "s_client", "-connect", "\(TestLab.address[host] ?? ""):\(port)", "-CAfile", "\(lab.pki)/ca.pem",
        "-ign_eof",
      ]
      if let identity { words += ["-cert", "\(identity).pem", "-key", "\(identity).key"] }
      if let protocols { words += ["-alpn", protocols] }
      return try await lab.machine.run(words + more, on: "branch", input: input)
    }

    @Test("no certificate, another authority's, another daemon's, another center's") func certificates() async throws {
      let foreign = "\(lab.machine.folder)/foreign"
      if mode(foreign) == nil { try await lab.tricenter("pki", "init", "--site", Program.siteFile, "--directory", foreign).passed() }
      try await withoutHarm("certificates", mostLines: 40) {
        try await together(Self.hosts) { host in
          for port in Self.mutual {
            let nobody: Said = try await openssl(host, port, identity: nil)
            #expect(nobody.everything.contains("certificate required"), "\(host):\(port) without a certificate: \(nobody)")
            let stranger: Said = try await openssl(host, port, identity: "\(foreign)/people/admin")
            #expect(stranger.everything.contains("unknown ca"), "\(host):\(port) with another authority's certificate: \(stranger)")
          }
          // Between members only members: not a person, not another daemon.
          for identity in ["people/admin", "production/prod-2/kubelet", "local-dr/ldr-2/apiserver"] {
            let said: Said = try await openssl(host, 2_380, identity: "\(lab.pki)/\(identity)", protocols: "tricenter-link/1")
            #expect(said.everything.contains("alert"), "\(host):2380 as \(identity): \(said)")
          }
        }
        // To a store come people with the right to everything, and apiservers.
        for identity in ["local-dr/ldr-1/kubelet", "production/prod-1/kubelet", "production/prod-2/proxy", "remote-dr/rdr-1/federation"] {
          let said: Said = try await openssl("prod-1", 2_379, identity: "\(lab.pki)/\(identity)")
          #expect(said.everything.contains("alert"), "prod-1:2379 as \(identity): \(said)")
        }
        // To the admin page come people and the daemons of its own center.
        let onlooker: Said = try await openssl("prod-1", 9_090, identity: "\(lab.pki)/local-dr/ldr-1/kubelet")
        #expect(onlooker.everything.contains("alert"), "prod-1:9090 as ldr-1's kubelet: \(onlooker)")
        // To an apiserver the kubelets of all centers may come, but each for its own node only.
        let words: [String] = [
          "kubectl", "--server", "https://10.71.0.11:6443", "--certificate-authority", "\(lab.pki)/ca.pem", "--client-certificate",
          "\(lab.pki)/local-dr/ldr-1/kubelet.pem", "--client-key", "\(lab.pki)/local-dr/ldr-1/kubelet.key", "--kubeconfig", "/dev/null",
        ]
        let own: Said = try await lab.machine.run(words + ["label", "node", "ldr-1", "e2e=own", "--overwrite"], on: "branch")
        #expect(own.status == 0, "\(own)")
        let other: Said = try await lab.machine.run(words + ["label", "node", "prod-1", "e2e=stolen"], on: "branch")
        #expect(other.status != 0 && other.errors.contains("Forbidden"), "\(other)")
        try await lab.kubectl("label node ldr-1 e2e-").passed()
      }
      // Ours are the right ones: who dials checks the name as well.
      let wrong: Said = try await openssl(
        "prod-1", 6_443, identity: "\(lab.pki)/people/admin", more: ["-verify_return_error", "-verify_ip", "10.72.0.11"])
      #expect(wrong.status != 0 && wrong.everything.contains("IP address mismatch"), "\(wrong)")
    }

    @Test("frames and bodies larger than they may be, from those who may come in") func oversized() async throws {
      try await withoutHarm("oversized frames", mostLines: 40) {
        try await together(Self.hosts) { host in
          // HTTP/1.1: a head of 100 KB.
          let head = "GET / HTTP/1.1\r\nHost: x\r\nX-Big: \(String(repeating: "b", count: 100_000))\r\n\r\n"
          for port in [2_379, 6_443, 9_090, 10_250] {
            let said: Said = try await openssl(host, port, identity: "\(lab.pki)/people/admin", protocols: "http/1.1", input: head)
            #expect(said.output.contains("HTTP/1.1 431"), "\(host):\(port): \(said.output.suffix(300))")
            // HTTP/2: settings, then a frame that says it is 16 MiB long. It is answered by GOAWAY and the end.
            let frames: Bytes =
              Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1]
            let file = "\(lab.machine.folder)/frames-\(host)-\(port)"
            let descriptor: Int32 = creat(file, 0o644)
            _ = frames.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            close(descriptor)
            let ended: Said = try await lab.machine.run(
              [
                "sh", "-c",
                "timeout 15 openssl s_client -quiet -alpn h2 -connect $1 -CAfile $2/ca.pem -cert $2/people/admin.pem -key $2/people/admin.key < $3",
                "sh", "\(TestLab.address[host] ?? ""):\(port)", lab.pki, file,
              ], on: "branch")
            #expect(ended.status != 124, "\(host):\(port) keeps a connection with a frame of 16 MiB")
          }
          // Between members: a member's certificate, then what is no frame, and a frame that says it is 4 GiB long.
          for body in [
            "this is no hello of a member, but it is long enough",
            "\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}",
          ] {
            let said: Said = try await openssl(
              host, 2_380, identity: "\(lab.pki)/production/prod-2/store", protocols: "tricenter-link/1", input: body)
            #expect(said.status != 124, "\(host):2380 keeps a connection that sends garbage as frames")
          }
        }
        let big: String = String(repeating: "x", count: 3 << 20)
        try writeFile(
          "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"big\"},\"data\":{\"k\":\"\(big)\"}}",
          to: "\(lab.machine.folder)/big.json")
        let object: Said = try await lab.kubectl("create -f \(lab.machine.folder)/big.json")
        #expect(
          object.status != 0 && (object.errors.contains("too large") || object.errors.contains("TooLarge")), "\(object.errors.prefix(300))")
        // etcdctl itself sends no more than 2 MiB; the server takes 1.5.
        let value: Said = try await lab.etcdctl(["ldr-1"], "put", "e2e/big", input: String(repeating: "x", count: 1_800_000))
        #expect(value.status != 0 && value.errors.contains("too large"), "\(value.errors.prefix(300))")
      }
    }

    @Test("questions that are none, to the name servers") func names() async throws {
      try await withoutHarm("DNS garbage", mostLines: 40) {
        var random = SeededRandom(seed: 11)
        let branch: String = lab.machine.network("branch")
        let garbage: [Bytes] = (0..<500).map { index in
          (0..<(index % 7 == 0 ? 1_400 : 40)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        // Two names that point at each other, and one that points at itself.
        let loops: [Bytes] = [
          [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 12, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 14, 0xC0, 12, 0, 1, 0, 1],
        ]
        try await together(Self.hosts) { host in
          let address: String = TestLab.address[host] ?? ""
          let kept: Int = try await onAThread {
            let socket: RawSocket = try .datagrams(branch)
            for body in garbage + loops { socket.send(body, to: address, 53) }
            var streams: [RawSocket] = []
            // A message that says 65,535 bytes and has ten; one of no bytes; nothing at all.
            for body in [[0xFF, 0xFF] + Bytes(repeating: 3, count: 10), [0, 0], []]
              + garbage.prefix(3).map({ [0, UInt8($0.count & 0x3F)] + $0 })
            {
              let stream = try #require(try RawSocket.connect(branch, to: address, 53)).socket
              stream.send(body)
              streams.append(stream)
            }
            return streams.count { $0.closing(within: .seconds(30)) == nil }
          }
          #expect(kept == 0, "\(host):53 keeps \(kept) connections")
          let said: Said = try await lab.machine.run(
            ["dig", "+short", "@\(address)", "kubernetes.default.svc.cluster.local"], on: "branch")
          #expect(said.text == "10.196.0.1", "\(said)")
        }
      }
    }
  }
}
