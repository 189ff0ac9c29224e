import NIOCore
import Primitives
import TLS

/// Moves the leadership to another center again and again while clients write to every member, and measures how long they had to wait.
public struct LeaderMoves: Sendable {
  public var programs: [StoreProgram]
  public var times: Int = 50
  /// An empty or missing folder; what is written below it is removed again.
  public var directory: String
  /// Members in the lab's network, over its lines; nil: on loopback.
  public var ground: FarGround?
  public var progress: @Sendable (String) -> Void = { _ in }

  public init(programs: [StoreProgram], directory: String) {
    self.programs = programs
    self.directory = directory
  }

  public struct Outcome: Sendable {
    public var program: String
    /// Of each move, the longest time between two acknowledged writes of one client, in milliseconds.
    public var pauses: [Double] = []
    /// Of each move, the longest time in which no write of anybody was acknowledged.
    public var silences: [Double] = []
    /// Until the one who asked for the move heard that it was done.
    public var answers: [Double] = []
    /// The longest time between two acknowledged writes of one client in as much time without a move: what the machine does by itself.
    public var calm: [Double] = []
    /// Puts that a server refused instead of holding them until there was a leader.
    public var refused: Int = 0
    public var acknowledged: Int = 0
  }

  /// The next target, always in another center of the same city: production 0 and 1, local-dr 2 and 3.
  static let next: [Int] = [2, 3, 1, 0, 0]
  private static let before: Duration = .milliseconds(300)
  private static let after: Duration = .milliseconds(400)

  /// Throws `BenchmarkError`. Every server that it started has ended when it returns.
  public func run() async throws -> [Outcome] {
    try await ClientLoop.run(in: directory) { loop in
      var outcomes: [Outcome] = []
      let (places, client): ([MemberPlace], TLSContext)
      if let ground {
        (places, client) = (ground.places, ground.client)
      } else {
        let (pki, context): (BenchmarkPKI, TLSContext) = try BenchmarkPKI.make(directory: "\(directory)/pki", members: 5)
        (places, client) = (try MemberPlace.loopback(5, pki), context)
      }
      for program in programs { outcomes.append(try await measure(program, places, client, loop)) }
      return outcomes
    }
  }

  private func measure(_ program: StoreProgram, _ places: [MemberPlace], _ client: TLSContext, _ loop: any EventLoop) async throws
    -> Outcome
  {
    let folder = "\(directory)/\(program.name)"
    try Folders.make(folder)
    defer { Folders.remove(folder) }
    let store: RunningStore = try await .start(program, places: places, directory: folder, client: client, on: loop)
    do {
      _ = try await store.steadyLeader(loop)
      let writers: NIOLoopBound<SteadyWriters> = try await SteadyWriters.start(store.target, on: loop)
      var outcome = Outcome(program: program.name)
      for number in 1...times {
        if let failure: BenchmarkError = try await loop.submit({ writers.value.failure }).get() { throw failure }
        try await move(number, store, writers, &outcome, loop)
      }
      outcome.acknowledged = try await loop.submit {
        writers.value.stop()
        return writers.value.acknowledged
      }.get()
      await store.end()
      return outcome
    } catch {
      await store.end()
      throw error
    }
  }

  private func move(
    _ number: Int, _ store: RunningStore, _ writers: NIOLoopBound<SteadyWriters>, _ outcome: inout Outcome, _ loop: any EventLoop
  ) async throws {
    let clock = SystemClock()
    try await loop.submit { writers.value.begin() }.get()
    try await Task.sleep(for: Self.before + Self.after)
    outcome.calm.append(try await loop.submit { writers.value.end() }.get().client)
    for attempt in 1... {
      let leader: RunningStore.Leader = try await store.steadyLeader(loop)
      let target: Int = Self.next[leader.member]
      try await loop.submit { writers.value.begin() }.get()
      let began: MonotonicTime = clock.now()
      do {
        _ = try await OneCall.ask(
          Requests.moveLeaderPath, Requests.moveLeader(to: leader.ids[target]), member: leader.member, of: store.target, on: loop)
      } catch  where attempt < 5 {
        // It moved by itself in between, to where its priority is.
        continue
      }
      let answer: Double = (clock.now() - began).inMilliseconds
      try await Task.sleep(for: Self.after)
      let pause: SteadyWriters.Pause = try await loop.submit { writers.value.end() }.get()
      outcome.pauses.append(pause.client)
      outcome.silences.append(pause.everybody)
      outcome.answers.append(answer)
      outcome.refused += pause.refused
      progress(
        "\(store.program.name): move \(number) of \(times), member \(leader.member + 1) to \(target + 1), answered after "
          + "\(answer.rounded(1)) ms, longest pause of a client \(pause.client.rounded(1)) ms, of everybody \(pause.everybody.rounded(1)) ms"
      )
      return
    }
  }
}

extension LeaderMoves {
  /// For people.
  public static func text(_ outcomes: [Outcome]) -> String {
    func line(_ name: String, _ values: [Double]) -> String {
      "  \(name): p50 \(Percentile.of(values, 0.5).rounded(1)) ms, p90 \(Percentile.of(values, 0.9).rounded(1)) ms, "
        + "p99 \(Percentile.of(values, 0.99).rounded(1)) ms, most \(Percentile.of(values, 1).rounded(1)) ms"
    }
    return outcomes.map { outcome in
      [
        "\(outcome.program): \(outcome.pauses.count) planned moves of the leadership, \(outcome.acknowledged) writes acknowledged, "
          + "\(outcome.refused) refused",
        line("longest pause of a client", outcome.pauses), line("nobody acknowledged", outcome.silences),
        line("move answered", outcome.answers), line("longest pause without a move", outcome.calm),
      ].joined(separator: "\n")
    }.joined(separator: "\n")
  }
}
