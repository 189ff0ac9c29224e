import Glibc
import NIOCore
import Primitives
import TLS

/// A cluster under test: one or more members with fresh data.
struct RunningStore: Sendable {
  let program: StoreProgram
  private(set) var processes: [ServerProcess]
  private let commands: [(arguments: [String], log: String)]
  let target: LoadTarget

  /// Starts a member in each of the places and returns when each of them has acknowledged a put. Throws `.server` when they do not within
  /// 30 s.
  static func start(
    _ program: StoreProgram, places: [MemberPlace], directory: String, client: TLSContext?, on loop: any EventLoop
  ) async throws -> RunningStore {
    var processes: [ServerProcess] = []
    var commands: [(arguments: [String], log: String)] = []
    do {
      for (member, place) in places.enumerated() {
        let flags: [String] = program.flags(member: member, of: places, directory: directory, plain: client == nil)
        commands.append((place.entry + program.command + flags, "\(directory)/\(place.name).log"))
        processes.append(try .start(commands[member].arguments, environment: program.environment, log: commands[member].log))
      }
      let store = RunningStore(
        program: program, processes: processes, commands: commands, target: LoadTarget(members: places.map(\.client), tls: client))
      try await store.waitUntilReady(loop)
      return store
    } catch {
      for process in processes { await process.end() }
      throw error
    }
  }

  private func waitUntilReady(_ loop: any EventLoop) async throws {
    let clock = SystemClock()
    let deadline: MonotonicTime = clock.now() + .seconds(30)
    for (member, address) in target.members.enumerated() {
      let plan = ClosedLoop.Plan(path: Requests.putPath, clients: 1, connections: 1, total: 1) { _, number in
        Requests.put(Bytes("bench/ready"), Requests.value(16, number))
      }
      while true {
        for process in processes where !process.isAlive { throw process.gone }
        do {
          _ = try await ClosedLoop.run(
            plan, against: target.only(member), seconds: 0, warmUp: 0, cpu: { 0 }, on: loop)
          break
        } catch {
          guard clock.now() < deadline else {
            throw BenchmarkError(.server, "\(program.name) does not serve on \(address.host):\(address.port) within 30 s.", cause: error)
          }
          try await Task.sleep(for: .milliseconds(100))
        }
      }
    }
  }

  /// Waits for the end of a member that was killed and starts it again on its data.
  mutating func restart(_ member: Int) async throws {
    await processes[member].end()
    processes[member] = try .start(commands[member].arguments, environment: program.environment, log: commands[member].log)
  }

  func cpuSeconds() throws -> Double { try processes.reduce(0) { try $0 + $1.cpuSeconds() } }
  func residentMiB() throws -> Double { try processes.reduce(0) { try $0 + $1.residentMiB() } }
  func end() async { for process in processes { await process.end() } }
}
