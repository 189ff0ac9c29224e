import ArgumentParser
import Glibc
import KubeModel
import Lab
import Logging
import Observability
import Primitives
import Site

struct LabFault: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fault", abstract: "Break something of the lab for a while: each fault undoes itself unless it is renewed.",
    discussion: """
      tricenter lab fault inject cut-link "production -> local-dr" --lease 10s
      tricenter lab fault inject freeze-process prod-1 --set daemon=center --hold
      tricenter lab fault inject slow-disk ldr-1 --set stall=250ms --set every=1s
      tricenter lab fault list
      tricenter lab fault undo --all
      """,
    subcommands: [Inject.self, List.self, Renew.self, Undo.self])

  struct Inject: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Begin a fault.",
      discussion: "Kinds: \(FaultSpec.Kind.allCases.map(\.rawValue).joined(separator: ", ")). What each takes a refusal says.")
    @OptionGroup var lab: LabOptions
    @Argument(help: "What.") var kind: String
    @Argument(help: "A center, hosts (\"prod-1 prod-2\"), or a line (\"production <-> local-dr\", \"production -> local-dr\").") var target:
      String
    @Option(name: .customLong("set"), help: "NAME=VALUE, as often as needed.") var parameters: [String] = []
    @Option(help: "It undoes itself after so long without being renewed.") var lease: String = "30s"
    @Flag(help: "Stay, and renew it until this command ends; then it undoes itself when the lease is over.") var hold: Bool = false
    @Option(help: "text or json") var output: OutputFormat = .text

    func run() async throws {
      let lab: Lab = try self.lab.lab()
      guard let kind = FaultSpec.Kind(rawValue: kind) else {
        throw ValidationError("No fault is called \(kind); there are \(FaultSpec.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      guard let target = FaultSpec.Target(target, site: lab.site) else {
        throw ValidationError("\"\(target)\" is neither a center, nor hosts, nor a line such as \"production <-> local-dr\"")
      }
      guard let lease = Duration(siteText: lease) else { throw ValidationError("--lease \(lease) is not a time such as 30s") }
      var named: [String: String] = [:]
      for word in parameters {
        let parts: [Substring] = word.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { throw ValidationError("--set \(word) is not NAME=VALUE") }
        named[String(parts[0])] = String(parts[1])
      }
      var handle: FaultHandle = try lab.inject(FaultSpec(kind, target, named, lease: lease))
      switch output {
      case .text: printLine("\(handle.id): \(handle.sentence)")
      case .json: printJSON(LabFault.json(handle))
      }
      while hold {
        try await Task.sleep(for: lease / 3)
        handle = try lab.renew(handle)
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what is in force.")
    @OptionGroup var lab: LabOptions
    @Option(help: "text or json") var output: OutputFormat = .text

    func run() throws {
      let all: [FaultHandle] = try lab.lab().faults()
      switch output {
      case .text:
        let now: MonotonicTime = SystemClock().now()
        for handle in all { printLine("\(handle.id)  \(Int((handle.until - now).inMilliseconds)) ms left  \(handle.sentence)") }
        if all.isEmpty { printLine("nothing is broken on purpose") }
      case .json: printJSON(.array(all.map(LabFault.json)))
      }
    }
  }

  struct Renew: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Give faults their whole lease again.")
    @OptionGroup var lab: LabOptions
    @Argument(help: "Ids, as `list` shows them.") var ids: [String]
    @Option(help: "text or json") var output: OutputFormat = .text

    func run() throws {
      let lab: Lab = try self.lab.lab()
      let renewed: [FaultHandle] = try LabFault.find(ids, lab).map { try lab.renew($0) }
      switch output {
      case .text: for handle in renewed { printLine("\(handle.id): \(handle.sentence)") }
      case .json: printJSON(.array(renewed.map(LabFault.json)))
      }
    }
  }

  struct Undo: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Undo faults now.")
    @OptionGroup var lab: LabOptions
    @Argument(help: "Ids, as `list` shows them.") var ids: [String] = []
    @Flag(help: "All that are in force.") var all: Bool = false
    @Option(help: "text or json") var output: OutputFormat = .text

    func validate() throws {
      guard all != !ids.isEmpty else { throw ValidationError("Name faults, or say --all.") }
    }

    func run() throws {
      let lab: Lab = try self.lab.lab()
      let chosen: [FaultHandle] = all ? lab.faults() : try LabFault.find(ids, lab)
      let said: [(id: String, sentence: String)] = try chosen.map { ($0.id, try lab.undo($0)) }
      switch output {
      case .text: for one in said { printLine("\(one.id): \(one.sentence)") }
      case .json: printJSON(.array(said.map { ["id": .string($0.id), "sentence": .string($0.sentence)] }))
      }
    }
  }

  private static func find(_ ids: [String], _ lab: Lab) throws -> [FaultHandle] {
    let all: [FaultHandle] = lab.faults()
    return try ids.map { id in
      guard let handle: FaultHandle = all.first(where: { $0.id == id }) else {
        throw ValidationError("No fault \(id) is in force; it may have undone itself. `tricenter lab fault list` shows what is.")
      }
      return handle
    }
  }

  private static func json(_ handle: FaultHandle) -> JSONValue {
    var parameters = JSONObject()
    for (name, value) in handle.fault.parameters { parameters[name] = .string(value) }
    return [
      "id": .string(handle.id), "kind": .string(handle.fault.kind.rawValue), "target": .string(handle.fault.target.description),
      "parameters": .object(parameters), "sentence": .string(handle.sentence),
      "leaseMilliseconds": .int(handle.fault.lease.inNanoseconds / 1_000_000),
      "leftMilliseconds": .int(Int64((handle.until - SystemClock().now()).inMilliseconds)),
    ]
  }
}

/// Started by whoever injects the first fault; people have no use for it.
struct LabFaultKeeper: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "fault-keeper", abstract: "Undoes faults.", shouldDisplay: false)
  @OptionGroup var lab: LabOptions
  @Flag var inner: Bool = false

  func run() throws {
    Logs.bootstrap(level: .info)
    let lab: Lab = try self.lab.lab()
    guard inner else {
      try FaultKeeper.supervise(
        [LabOptions.program, "lab", "fault-keeper", "--directory", lab.directory.path, "--inner"], log: lab.directory.log("fault-keeper"))
    }
    var keeper = FaultKeeper(lab: lab, logger: Logger(label: "lab.faults"))
    keeper.run()
  }
}
