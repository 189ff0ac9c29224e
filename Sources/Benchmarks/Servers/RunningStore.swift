import Glibc
import NIOCore
import Primitives
import TLS

/// A cluster under test: one or more members on loopback with fresh data.
struct RunningStore: Sendable {
  let program: StoreProgram
  private(set) var processes: [ServerProcess]
  private let commands: [(arguments: [String], log: String)]
  let target: LoadTarget

  /// Starts all members and returns when each of them has acknowledged a put. Throws `.server` when they do not within 30 s.
  static func start(
    _ program: StoreProgram, members: Int, directory: String, pki: BenchmarkPKI, client: TLSContext?, on loop: any EventLoop
  ) async throws -> RunningStore {
    let ports: [Int] = try freePorts(2 * members)
    let layout: [MemberPorts] = (0..<members).map { MemberPorts(client: ports[2 * $0], peer: ports[2 * $0 + 1]) }
    var processes: [ServerProcess] = []
    var commands: [(arguments: [String], log: String)] = []
    do {
      for member in 0..<members {
        let flags: [String] = StoreProgram.flags(member: member, of: layout, directory: directory, pki: pki, plain: client == nil)
        commands.append((program.command + flags, "\(directory)/member\(member + 1).log"))
        processes.append(try .start(commands[member].arguments, environment: program.environment, log: commands[member].log))
      }
      let store = RunningStore(
        program: program, processes: processes, commands: commands, target: LoadTarget(ports: layout.map(\.client), tls: client))
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
    for port in target.ports {
      let plan = ClosedLoop.Plan(path: Requests.putPath, clients: 1, connections: 1, total: 1) { _, number in
        Requests.put(Bytes("bench/ready"), Requests.value(16, number))
      }
      while true {
        for process in processes where !process.isAlive { throw process.gone }
        do {
          _ = try await ClosedLoop.run(
            plan, against: LoadTarget(ports: [port], tls: target.tls), seconds: 0, warmUp: 0, cpu: { 0 }, on: loop)
          break
        } catch {
          guard clock.now() < deadline else {
            throw BenchmarkError(.server, "\(program.name) does not serve on 127.0.0.1:\(port) within 30 s.", cause: error)
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
