import KubeModel
import Primitives
import Testing

extension LabSuite {
  /// `tricenter lab link …`, and what the network then does, measured by sockets on the hosts.
  @Suite("The lines between the centers", .serialized) struct LinkTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    /// Median of the times a connection takes: one round trip, and what the machine adds.
    private func roundTrip(_ from: String, _ to: String, port: Int = 2379) async throws -> Double {
      let (network, address) = (lab.machine.network(from), TestLab.address[to] ?? "")
      var times: [Double] = []
      for _ in 0..<7 {
        let attempt = try await onAThread { try RawSocket.connect(network, to: address, port) }
        times.append(try #require(attempt, "\(from) does not reach \(to):\(port)").took.milliseconds)
      }
      return times.sorted()[3]
    }

    private func link(_ words: String...) async throws -> JSONValue {
      let said: Said = try await lab.machine.run([lab.program, "lab", "link", "--directory", lab.directory, "--output", "json"] + words)
      return try JSONValue.parse(try said.passed().output)
    }
    private func line(_ from: String, _ to: String) async throws -> JSONValue {
      try #require(try await link().array.first { $0["from"].string == from && $0["to"].string == to })
    }
    private func healing(_ one: String, _ other: String, _ body: () async throws -> Void) async throws {
      do { try await body() } catch { Issue.record(error) }
      _ = try await link(one, other, "--heal")
    }

    @Test("are 2 ms long inside the city and 30 ms to the other one") func expectedRoundTrips() async throws {
      let near: Double = try await roundTrip("prod-1", "ldr-1")
      let far: Double = try await roundTrip("prod-1", "rdr-1")
      let inside: Double = try await roundTrip("prod-1", "prod-2")
      print("round trips: inside a center \(inside) ms, in the city \(near) ms, to the other city \(far) ms")
      #expect(near >= 2 && near < 25 && far >= 30 && far < 60)
      #expect(inside < near + 5)
    }

    @Test("get longer and shorter while they run") func delay() async throws {
      try await healing("production", "remote-dr") {
        let changed: JSONValue = try await link("production", "remote-dr", "--delay", "90ms")
        #expect(changed.array.count == 2 && changed.array.allSatisfy { $0["delayMicroseconds"].int == 45_000 })
        let slow: Double = try await roundTrip("prod-2", "rdr-1")
        #expect(slow >= 90 && slow < 200, "\(slow) ms")
        // Only this line.
        #expect(try await roundTrip("ldr-1", "rdr-1") < 80)
        _ = try await link("production", "remote-dr", "--delay", "70ms", "--one-way")
        let uneven: Double = try await roundTrip("prod-2", "rdr-1")
        #expect(uneven >= 115 && uneven < 230, "70 ms there and 45 ms back took \(uneven) ms")
      }
      #expect(try await roundTrip("prod-2", "rdr-1") < 70)
    }

    @Test("lose the part of the packets that they are told to") func loss() async throws {
      try await healing("branch", "local-dr") {
        _ = try await link("branch", "local-dr", "--loss", "30%")
        let (branch, there) = (lab.machine.network("branch"), lab.machine.network("ldr-1"))
        let arrived: Int = try await onAThread {
          let server: RawSocket = try .listen(there, .datagram, port: 9_911)
          let client: RawSocket = try .datagrams(branch)
          for number in 0..<400 { client.send(Bytes("\(number)".utf8), to: TestLab.address["ldr-1"] ?? "", 9_911) }
          var count: Int = 0
          while server.receive(within: .seconds(1)) != nil { count += 1 }
          return count
        }
        // 280 of 400 expected, standard deviation 9.
        #expect(arrived > 225 && arrived < 335, "\(arrived) of 400 arrived")
        let line: JSONValue = try await line("branch", "local-dr")
        #expect(line["lost"].int ?? 0 >= 65 && line["loss"].double == 0.3)
      }
    }

    @Test("carry no more than their bandwidth") func bandwidth() async throws {
      try await healing("branch", "remote-dr") {
        _ = try await link("branch", "remote-dr", "--bandwidth", "1mbit")
        let (branch, there) = (lab.machine.network("branch"), lab.machine.network("rdr-1"))
        let took: Duration = try await onAThread {
          let server: RawSocket = try .listen(there, .stream, port: 9_912)
          let client = try #require(try RawSocket.connect(branch, to: TestLab.address["rdr-1"] ?? "", 9_912)).socket
          let accepted = try #require(server.accept()).socket
          let began = ContinuousClock.now
          // 125,000 bytes are a second of it.
          #expect(client.send(Bytes(repeating: 7, count: 125_000)))
          var count: Int = 0
          while count < 125_000, let bytes: Bytes = accepted.receive(within: .seconds(10)), !bytes.isEmpty { count += bytes.count }
          #expect(count == 125_000)
          return ContinuousClock.now - began
        }
        #expect(took.milliseconds > 950 && took.milliseconds < 6_000, "\(took)")
      }
    }

    @Test("are cut one way or both, and the federation goes on without one") func cuts() async throws {
      try await healing("production", "remote-dr") {
        _ = try await link("production", "remote-dr", "--cut", "--one-way")
        let (production, remote) = (lab.machine.network("prod-1"), lab.machine.network("rdr-1"))
        let heard: (there: Bool, back: Bool) = try await onAThread {
          let inRemote: RawSocket = try .listen(remote, .datagram, port: 9_913)
          let inProduction: RawSocket = try .listen(production, .datagram, port: 9_914)
          try RawSocket.datagrams(production).send(Bytes("lost".utf8), to: TestLab.address["rdr-1"] ?? "", 9_913)
          try RawSocket.datagrams(remote).send(Bytes("heard".utf8), to: TestLab.address["prod-1"] ?? "", 9_914)
          return (inRemote.receive(within: .seconds(1)) != nil, inProduction.receive(within: .seconds(5)) != nil)
        }
        #expect(heard.there == false && heard.back == true)
        let there: JSONValue = try await line("production", "remote-dr")
        let back: JSONValue = try await line("remote-dr", "production")
        #expect(there["cut"].bool == true && back["cut"].bool == false && there["blocked"].int ?? 0 > 0)
        // Four of five voters are a majority, and they do not lose their leader over it.
        try await lab.etcdctl(["ldr-1"], "put", "e2e/cut", "one way").passed()

        _ = try await link("production", "remote-dr", "--cut")
        let both = try await onAThread { try RawSocket.connect(production, to: TestLab.address["rdr-1"] ?? "", 2379, within: .seconds(2)) }
        #expect(both == nil)
        try await lab.etcdctl(["prod-1"], "put", "e2e/cut", "both ways").passed()
        // remote-dr is reached by way of nobody: it still has its line to local-dr, so its member learns of the write if a leader
        // there tells it; otherwise once the line is whole again.
        #expect(try await lab.activeCenter() == "production")
      }
      let asked: TestLab = lab
      try await eventually("remote-dr has caught up") {
        try await asked.etcdctl(["rdr-1"], "get", "e2e/cut", "--print-value-only").output == "both ways\n"
      }
      try await lab.etcdctl(["rdr-1"], "del", "e2e/cut").passed()
    }

    @Test("refuse by name what is not meant") func refusals() async throws {
      for (words, sentence) in [
        (["production", "nowhere", "--cut"], "no line leads from production to nowhere"), (["production", "--cut"], "two ends"),
        (["production", "remote-dr", "--delay", "soon"], "not a time such as 30ms"),
        (["production", "remote-dr", "--loss", "200%"], "not a part such as 1%"), (["production", "remote-dr"], "Say what to change"),
      ] {
        let said: Said = try await lab.machine.run([lab.program, "lab", "link", "--directory", lab.directory] + words)
        #expect(said.status != 0 && said.errors.contains(sentence), "\(said)")
      }
    }
  }
}
