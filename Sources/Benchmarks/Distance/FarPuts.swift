import NIOCore
import NIOPosix
import Primitives

/// Puts of few clients over the lab's lines, by how far they must have come before they are acknowledged, beside what the wire and the disk
/// take by themselves.
public struct FarPuts: Sendable {
  public var program: StoreProgram
  public var ground: FarGround
  public var seconds: Double = 10
  public var clients: Int = 1
  public var rounds: Int = 3
  /// An empty or missing folder on the disk that is to be measured.
  public var directory: String
  public var progress: @Sendable (String) -> Void = { _ in }

  public init(program: StoreProgram, ground: FarGround, directory: String) {
    self.program = program
    self.ground = ground
    self.directory = directory
  }

  public struct Row: Sendable {
    /// Whom the clients ask, and whether it leads.
    public var member: String
    public var durability: String
    public var result: LoadResult
  }

  public struct Outcome: Sendable {
    public var leader: String
    /// From the leader to the other city and back, by TCP's handshake, before and after the writes.
    public var roundTripMilliseconds: Double
    /// A write of 4 KiB and its fdatasync on the members' disk.
    public var syncMilliseconds: Double
    public var rows: [Row]
    /// What `city-safe` may take in the median.
    public var budgetMilliseconds: Double { roundTripMilliseconds + 1.5 * syncMilliseconds }
  }

  /// Throws `BenchmarkError`. Every server that it started has ended when it returns.
  public func run() async throws -> Outcome {
    try await ClientLoop.run(in: directory) { loop in
      let store: RunningStore = try await .start(program, places: ground.places, directory: directory, client: ground.client, on: loop)
      do {
        let outcome: Outcome = try await measure(store, loop)
        await store.end()
        return outcome
      } catch {
        await store.end()
        throw error
      }
    }
  }

  private func measure(_ store: RunningStore, _ loop: any EventLoop) async throws -> Outcome {
    let places: [MemberPlace] = ground.places
    // The best placed one leads once it was there long enough.
    try await Task.sleep(for: .seconds(3))
    let leader: Int = try await store.steadyLeader(loop).member
    let far: Int = places.count - 1
    let neighbour: Int = leader / 2 == 0 ? 2 : 0
    var trips: [Double] = [try await roundTrip(places[leader], places[far])]
    var syncs: [Double] = [try await sync()]
    var rounds: [[LoadResult]] = [[], [], [], []]
    let cases: [(member: Int, durability: String)] = [
      (leader, "center-safe"), (leader, "city-safe"), (neighbour, "center-safe"), (neighbour, "city-safe"),
    ]
    for round in 1...max(1, self.rounds) {
      for (place, one) in cases.enumerated() {
        var target: LoadTarget = store.target.only(one.member)
        target.metadata = [("tricenter-durability", one.durability)]
        let plan = ClosedLoop.Plan(path: Requests.putPath, clients: clients, connections: min(clients, 8)) { client, number in
          Requests.put(Bytes("bench/far/\(client)/\(number % 1000)"), Requests.value(256, number))
        }
        let result: LoadResult = try await ClosedLoop.run(
          plan, against: target, seconds: seconds / Double(self.rounds), warmUp: 0.5, cpu: store.cpuSeconds, on: loop)
        progress("round \(round): \(one.durability) through \(places[one.member].name): p50 \(result.p50Milliseconds.rounded(2)) ms")
        rounds[place].append(result)
      }
      trips.append(try await roundTrip(places[leader], places[far]))
      syncs.append(try await sync())
    }
    let rows: [Row] = cases.enumerated().map { place, one in
      Row(
        member: places[one.member].name + (one.member == leader ? " (leads)" : " (the other center)"), durability: one.durability,
        result: .merged(rounds[place]))
    }
    return Outcome(
      leader: places[leader].name, roundTripMilliseconds: Percentile.of(trips, 0.5), syncMilliseconds: Percentile.of(syncs, 0.5), rows: rows
    )
  }

  private func roundTrip(_ from: MemberPlace, _ to: MemberPlace) async throws -> Double {
    guard let path: String = from.entry.last?.split(separator: "=").last.map(String.init) else { return 0 }
    return try await onThread { try Probe.roundTripMilliseconds(fromNamespace: path, to: to.client) }
  }

  private func sync() async throws -> Double {
    let directory: String = directory
    return try await onThread { try Probe.syncMilliseconds(directory: directory) }
  }

  /// On a thread that ends afterwards: it may have entered a namespace.
  private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let result: Result<Value, any Error>
    do { result = .success(try await group.next().submit(body).get()) } catch { result = .failure(error) }
    try await group.shutdownGracefully()
    return try result.get()
  }
}

extension FarPuts {
  /// For people.
  public static func text(_ outcome: Outcome) -> String {
    var lines: [String] = [
      "\(outcome.leader) leads. Round trip to the other city \(outcome.roundTripMilliseconds.rounded(2)) ms, a sync "
        + "\(outcome.syncMilliseconds.rounded(2)) ms: round trip + 1.5 syncs = \(outcome.budgetMilliseconds.rounded(2)) ms"
    ]
    for row in outcome.rows {
      lines.append(
        "  \(row.durability) through \(row.member): p50 \(row.result.p50Milliseconds.rounded(2)) ms, p99 "
          + "\(row.result.p99Milliseconds.rounded(2)) ms, \(row.result.operations) puts, \(row.result.failures) failed")
    }
    return lines.joined(separator: "\n")
  }
}
