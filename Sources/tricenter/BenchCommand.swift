import ArgumentParser
import EtcdAPI
import HTTP
import KubeModel
import Keyspace
import Lab
import Logging
import NIOPosix
import Observability
import Primitives
import Site
import Synchronization
import TLS

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure.",
    subcommands: [
      Puts.self, StoreCases.self, LeaderKills.self, Transfers.self, Distance.self, FailoverPods.self, Crowd.self,
    ])

  /// Puts of 256 bytes over etcd's API, by concurrent clients, against any member of the lab or any other etcd v3.
  struct Puts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Puts per second of the store, over mutual TLS and gRPC.",
      discussion:
        "Against the lab: tricenter bench puts --host ldr-1. Run it in the branch's namespace: sites/lab/shell branch tricenter bench puts …"
    )
    @OptionGroup var lab: LabOptions
    @Option(help: "The lab's host whose member is asked.") var host: String
    @Option(help: "Clients that each wait for an answer before they ask again.") var clients: Int = 64
    @Option(help: "Seconds to measure, 1 to 600.") var seconds: Int = 5
    @Option(help: "How far a put must have come before it is acknowledged: center-safe, city-safe or auto; the store's rules by default.")
    var durability: String?
    @Option(help: "text or json") var output: OutputFormat = .text

    func validate() throws {
      if let durability, Durability(name: durability) == nil {
        throw ValidationError("--durability takes center-safe, city-safe or auto")
      }
      guard (1...10_000).contains(clients), (1...600).contains(seconds) else {
        throw ValidationError("--clients takes 1 to 10000, --seconds 1 to 600")
      }
    }

    func run() async throws {
      Logs.bootstrap(level: .error)
      let lab: Lab = try self.lab.lab()
      guard let member: Host = lab.site.host(HostName(host)) else { throw ValidationError("The lab has no host \(host).") }
      let pki = FederationPKI(directory: lab.directory.pki)
      let person = pki.files(person: "admin")
      let tls = try TLSContext.client(
        identity: .files(certificate: person.certificate, key: person.key), trust: .file(pki.authorityCertificate),
        applicationProtocols: ["h2"])
      let configuration = HTTPClientConfiguration(
        targets: [.host(member.address.description, port: lab.site.ports.client)], tls: tls,
        group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
      let store = EtcdStore(HTTPClient(configuration), secure: true, authority: host)
      let result: Result = try await Self.measure(
        store, clients: clients, seconds: seconds, durability: durability.flatMap { Durability(name: $0) })
      let rate: Double = Double(result.milliseconds.count) / Double(seconds)
      func percentile(_ part: Double) -> Double {
        let sorted: [Double] = result.milliseconds
        return sorted.isEmpty ? 0 : (sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))] * 100).rounded() / 100
      }
      switch output {
      case .text:
        printLine(
          "\(host): \(Int(rate)) puts/s by \(clients) clients over \(seconds) s, p50 \(percentile(0.5)) ms, p99 \(percentile(0.99)) ms, "
            + "\(result.failed) failed")
      case .json:
        printJSON([
          "host": .string(host), "clients": .int(Int64(clients)), "seconds": .int(Int64(seconds)), "puts_per_second": .double(rate),
          "p50_ms": .double(percentile(0.5)), "p99_ms": .double(percentile(0.99)), "failed": .int(Int64(result.failed)),
        ])
      }
    }

    struct Result: Sendable {
      /// Of every put that was acknowledged, sorted.
      var milliseconds: [Double] = []
      var failed: Int = 0
    }

    static func measure(
      _ store: any KeyValueStore, clients: Int, seconds: Int, durability: Durability?
    ) async throws -> Result {
      let clock = SystemClock()
      let value = Bytes(repeating: 120, count: 256)
      let end: MonotonicTime = clock.now() + .seconds(seconds)
      let results: [Result] = await withTaskGroup(of: Result.self) { group in
        for client in 0..<clients {
          group.addTask {
            var own = Result()
            var number: Int = 0
            while clock.now() < end {
              number += 1
              let began: MonotonicTime = clock.now()
              do {
                var request = TransactionRequest(
                  success: [.put(PutRequest(key: Bytes("/bench/\(client)/\(number % 1_000)"), value: value))])
                request.durability = durability
                _ = try await store.transact(request)
                own.milliseconds.append((clock.now() - began).inMilliseconds)
              } catch {
                own.failed += 1
              }
            }
            return own
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      var whole = Result()
      whole.milliseconds = results.flatMap(\.milliseconds).sorted()
      whole.failed = results.reduce(0) { $0 + $1.failed }
      _ = try await store.transact(TransactionRequest(success: [.delete(DeleteRequest(.prefix(Bytes("/bench/"))))]))
      return whole
    }
  }
}
