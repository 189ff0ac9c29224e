import ArgumentParser
import EtcdAPI
import Keyspace
import KubeModel
import Logging
import Observability
import Primitives

struct StoreCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check whether a store is good enough.", subcommands: [Perf.self])

  struct Perf: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write at a fixed rate and tell whether the store keeps up: etcdctl's check, with its limits.",
      discussion: """
        s: 150 writes/s of 50 clients, m: 1,000 of 200, l: 8,000 of 500, xl: 15,000 of 1,000; 1 KiB each under keys of 256 bytes, which \
        are deleted afterwards. It passes with nine tenths of the rate, no write over half a second, a standard deviation of at most \
        0.1 s and no failure. Ends with status 4, as etcdctl does, where it does not.
        """)
    @OptionGroup var endpoint: EndpointOptions
    @Option(help: "s, m, l or xl (also small, medium, large, xLarge)") var load: String = "s"
    @Option(help: "Where its keys are put; nothing may lie there.") var prefix: String = "/etcdctl-check-perf/"
    @Option(help: "Seconds of writing, 1 to 3600.") var seconds: Int = 60
    @Flag(help: "Compact the history of its keys away afterwards.") var autoCompact: Bool = false
    @Flag(help: "Give the space back afterwards, on every server asked.") var autoDefrag: Bool = false
    @OptionGroup var form: StoreOutputOptions

    private static let loads: [String: LoadCheck.Load] = [
      "s": .small, "small": .small, "m": .medium, "medium": .medium, "l": .large, "large": .large, "xl": .extraLarge,
      "xLarge": .extraLarge,
    ]

    func run() async throws {
      try await saying {
        Logs.bootstrap(level: .error)
        guard let load: LoadCheck.Load = Self.loads[load] else { throw ValidationFault("--load=\(load) is none of s, m, l, xl") }
        guard (1...3_600).contains(seconds), !prefix.isEmpty else {
          throw ValidationFault("--seconds takes 1 to 3600, --prefix at least one character")
        }
        var check = LoadCheck(load)
        (check.prefix, check.seconds) = (prefix, seconds)
        var stores: [EtcdStore] = []
        // As etcdctl: clients share a connection per server.
        for name in try endpoint.names() { stores.append(try await endpoint.store(name)) }
        let (progress, total): (Progress, Int) = (Progress(), seconds)
        let result: LoadCheck.Result = try await check.run(stores) { progress.show(Self.bar($0, of: total)) }
        progress.end()
        if autoCompact { try await stores[0].compact(revision: try await stores[0].status().revision) }
        if autoDefrag { for store in stores { try await store.defragment() } }
        try report(result, load)
      }
    }

    private static func bar(_ seconds: Double, of total: Int) -> String {
      let full: Int = min(40, Int(seconds / Double(total) * 40))
      return " \(Int(seconds)) / \(total) s [\(String(repeating: "=", count: full))\(String(repeating: "-", count: 40 - full))]"
    }

    private func report(_ result: LoadCheck.Result, _ load: LoadCheck.Load) throws {
      let verdicts: [(passed: Bool, sentence: String)] = result.verdicts(load)
      let passed: Bool = verdicts.allSatisfy { $0.passed }
      if form.output == .json {
        printJSON([
          "load": .string(load.rawValue), "passed": .bool(passed), "writes": .int(Int64(result.writes)),
          "failures": .int(Int64(result.failures)), "writesPerSecond": .double(result.perSecond), "slowestSeconds": .double(result.slowest),
          "standardDeviationSeconds": .double(result.deviation),
          "checks": .array(verdicts.map { ["passed": .bool($0.passed), "sentence": .string($0.sentence)] }),
        ])
      } else {
        for (passed, sentence) in verdicts { printLine("\(passed ? "PASS" : "FAIL"): \(sentence)") }
        printLine(passed ? "PASS" : "FAIL")
      }
      if !passed { throw ExitCode(4) }
    }
  }
}
