import APIServer
import ArgumentParser
import ClusterDNS
import Consensus
import EtcdAPI
import Glibc
import HTTP
import Journal
import Keyspace
import KubeClient
import KubeModel
import Kubelet
import Lab
import PodNetwork
import Primitives
import Site
import SiteLink
import Store
import TLS
import Torture

/// Every decoder that reads what others wrote, by the module that owns it.
enum FuzzTable {
  static let rows: [(module: String, targets: [FuzzTarget])] = [
    ("HTTP", FuzzTarget.http), ("SiteLink", FuzzTarget.siteLink), ("Consensus", FuzzTarget.consensus), ("Journal", FuzzTarget.journal),
    ("Keyspace", FuzzTarget.keyspace), ("Store", FuzzTarget.store), ("EtcdAPI", FuzzTarget.etcdAPI), ("KubeModel", FuzzTarget.kubeModel),
    ("APIServer", FuzzTarget.apiServer), ("KubeClient", FuzzTarget.kubeClient), ("Kubelet", FuzzTarget.kubelet),
    ("ClusterDNS", FuzzTarget.clusterDNS), ("PodNetwork", FuzzTarget.podNetwork), ("Site", FuzzTarget.site), ("TLS", FuzzTarget.tls),
    ("Lab", FuzzTarget.lab),
  ]
  static var targets: [FuzzTarget] { rows.flatMap(\.targets) }
}

struct FuzzCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuzz",
    abstract: "Feeds every decoder with damaged input: no trap, no endless loop, no flood of memory, nothing lost on the way back.",
    discussion: """
      Inputs are made from valid ones (bits, lengths, splices, cuts, doubles, words of the format, noise) and, for streams, fed in pieces. \
      Each target runs in a process of its own. An input that breaks a rule is made as small as it gets and kept.
      Exit code 0: nothing found; 1: something was, and how to see it again is printed.
      """)

  @Option(help: "Minutes for all targets together.") var minutes: Double = 5
  @Option(help: "Targets whose names begin so, or those of the module of that name; all by default.") var target: String = ""
  @Option(help: "The same seed makes the same inputs.") var seed: UInt64?
  @Option(help: "Processes at once; all cores by default.") var workers: Int?
  @Option(help: "Where inputs that break a rule are kept.") var directory: String = "fuzz"
  @Option(help: "Feed this file once to the one target, in this process.") var input: String?
  @Flag(help: "Only list the targets.") var list: Bool = false
  @Option(help: "text or json; progress goes to the error output.") var output: OutputFormat = .text
  @Option(help: .hidden) var worker: String?
  @Option(help: .hidden) var slot: String?
  @Option(help: .hidden) var seconds: Double = 1

  private var chosen: [FuzzTarget] {
    FuzzTable.rows.flatMap { row in row.targets.filter { target == row.module || $0.name.hasPrefix(target) } }
  }

  func validate() throws {
    guard minutes > 0, minutes <= 10_000 else { throw ValidationError("--minutes takes more than 0 and at most 10000") }
    guard !chosen.isEmpty else { throw ValidationError("There is no target \(target); --list names them.") }
    if input != nil, chosen.count != 1 { throw ValidationError("--input needs one target; \(chosen.count) begin with \"\(target)\"") }
  }

  func run() async throws {
    if let worker, let slot {
      guard let target: FuzzTarget = FuzzTable.targets.first(where: { $0.name == worker }) else { throw ExitCode(2) }
      throw ExitCode(try FuzzWorker.run(target, seed: seed ?? 1, seconds: seconds, slot: slot))
    }
    if list { return listTargets() }
    if let input { return try feed(input) }
    let seed: UInt64 = seed ?? UInt64.random(in: 1...999_999)
    let workers: Int = workers ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let targets: [FuzzTarget] = chosen
    var session = FuzzSession(
      targets: targets, seed: seed, seconds: max(0.2, minutes * 60 * Double(workers) / Double(targets.count)), workers: workers,
      directory: LabOptions.absolute(directory), command: [LabOptions.program, "fuzz"])
    session.progress = { result in
      printError("\(result.target): \(result.inputs) inputs, \(result.accepted) taken\(result.finding.map { ", FOUND: \($0)" } ?? "")")
    }
    let results: [FuzzSession.Result] = try await session.run()
    rmdir(LabOptions.absolute(directory))
    let found: [FuzzSession.Result] = results.filter { $0.finding != nil }
    switch output {
    case .text:
      printLine("seed \(seed): \(results.reduce(0) { $0 + $1.inputs }) inputs to \(results.count) decoders, \(found.count) findings")
      for result in found {
        printLine(
          "\(result.target): \(result.finding ?? "")\n  again: tricenter fuzz --target \(result.target) --input \(result.file ?? "")")
      }
    case .json: printJSON(Self.json(results, seed))
    }
    if !found.isEmpty { throw ExitCode(1) }
  }

  private func listTargets() {
    for row in FuzzTable.rows { printLine("\(row.module): \(row.targets.map(\.name).joined(separator: ", "))") }
  }

  private func feed(_ path: String) throws {
    guard let bytes: Bytes = try? SecretFile.read(path) else { throw ValidationError("\(path) cannot be read") }
    do throws(FuzzFinding) {
      printLine(try chosen[0].feed(bytes) ? "taken" : "refused")
    } catch {
      printLine("\(error)")
      throw ExitCode(1)
    }
  }

  private static func json(_ results: [FuzzSession.Result], _ seed: UInt64) -> JSONValue {
    let rows: [JSONValue] = results.map { result in
      [
        "target": .string(result.target), "inputs": .int(Int64(result.inputs)), "accepted": .int(Int64(result.accepted)),
        "slowestMicroseconds": .int(Int64(result.slowest)), "finding": result.finding.map { .string($0) } ?? .null,
        "file": result.file.map { .string($0) } ?? .null,
      ]
    }
    return ["seed": .int(Int64(bitPattern: seed)), "targets": .array(rows)]
  }
}

extension LabOptions {
  static func absolute(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    var buffer = [CChar](repeating: 0, count: 4_096)
    return "\(getcwd(&buffer, buffer.count).map { String(cString: $0) } ?? "")/\(path)"
  }
}
