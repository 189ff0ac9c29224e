import ArgumentParser
import Glibc
import KubeClient
import KubeModel
import Primitives

/// What the verbs have in common.
struct VerbOptions: ParsableArguments {
  @OptionGroup var person: PersonOptions
  @Argument(help: "The cluster.") var cluster: String
  @Option(help: "The center to move to (reprotect: to make a full standby).") var to: String
  @Option(help: "The center that is active now: refused if another one is.") var from: String?
  @Option(help: "The epoch that was looked at: refused under any other.") var epoch: Int64?
  @Option(help: "Why, for the record.") var reason: String?
  @Option(help: "Accept what this rule finds; may be given several times.") var accept: [String] = []
  @Option(help: "The Drill that this belongs to.") var drill: String?
  @Flag(help: "Do nothing: tell everything that stands against it.") var dryRun: Bool = false
  @Flag(name: [.long, .customLong("watch"), .customShort("w")], help: "Wait for the end, tell what happens meanwhile, and the end.")
  var wait: Bool = false
  @Flag(help: "Do not ask whether it is meant.") var yes: Bool = false
  @Option(help: "Seconds that --wait and --dry-run wait.") var timeout: Int = 600
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  /// - Parameter namespace: what `evacuate` moves.
  func run(_ verb: String, namespace: String? = nil) async throws {
    try await CommandFailure.told {
      let access: PersonAccess = try person.access()
      if !dryRun { try confirm(verb, of: namespace.map { "\($0) of \(cluster)" } ?? cluster) }
      let client: KubeClient = try await access.everyCenter()
      let name: String = "\(cluster)-\(verb)-\(Self.letters(6))"
      let object: KubeObject = failover(name, verb, namespace, dryRun: dryRun)
      if dryRun {
        let trial = VerbTrial(
          access: access, client: client, asked: failover(name, verb, namespace, dryRun: false), question: object)
        return try tell(try await trial.run(.seconds(min(timeout, 30))), access)
      }
      // The name is chosen here: whoever does not hear the answer asks again and makes no second one. It is told before anybody is
      // asked: whoever is killed or cut off meanwhile knows what to look for.
      let isPlain: Bool = output == .table || output == .wide
      if wait || !isPlain { printError("operation/\(name)") } else { printLine("operation/\(name)") }
      do {
        _ = try await access.patiently(.seconds(30)) {
          do {
            return try await client.create(.failovers, object)
          } catch let error as KubeError where error.code == .alreadyExists {
            return try await client.get(.failovers, name: name)
          }
        }
      } catch let error as KubeError where !error.isRefusal {
        throw CommandFailure(
          .unknown, "Nobody said whether \(name) was taken up: \(error.message) Look later: tricenter operation show \(name)")
      }
      guard wait else {
        if !isPlain { printLine(try await shown(client, name)) }
        return
      }
      let operation = OperationWatch(access: access, client: client, name: name)
      try tell(try await operation.untilEnd(.seconds(timeout)) { printError($0) }, access)
    }
  }

  private func tell(_ end: KubeObject, _ access: PersonAccess) throws {
    printLine(ObjectOutput.text([end], output, isList: false) { wide in OperationText.table([end], wide, now: access.clock.wall()) })
    if output == .table || output == .wide { for line in OperationText.details(end) { printLine(line) } }
    try OperationWatch.exit(end)
  }

  private func shown(_ client: KubeClient, _ name: String) async throws -> String {
    let object: KubeObject = try await client.get(.failovers, name: name)
    return ObjectOutput.text([object], output, isList: false) { wide in OperationText.table([object], wide, now: SystemClock().wall()) }
  }

  private func failover(_ name: String, _ verb: String, _ namespace: String?, dryRun: Bool) -> KubeObject {
    var spec: JSONValue = ["cluster": .string(cluster), "to": .string(to), "kind": .string(verb)]
    for (field, value) in [("from", from), ("reason", reason), ("namespace", namespace), ("drill", drill)] {
      if let value { spec[field] = .string(value) }
    }
    if let epoch { spec["epoch"] = .int(epoch) }
    if dryRun { spec["dryRun"] = true }
    if !accept.isEmpty { spec["accept"] = .array(accept.map { .string($0) }) }
    return KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": .string(name)], "spec": spec,
    ])
  }

  /// Who types it is asked; a script must say --yes.
  private func confirm(_ verb: String, of what: String) throws {
    guard !yes else { return }
    guard isatty(0) == 1 else {
      throw CommandFailure(.refused, "Nobody is there to be asked whether \(verb) of \(what) to \(to) is meant: say --yes.")
    }
    printError("\(verb) of \(what) to \(to). Type the center's name to go on:")
    guard readLine() == to else { throw CommandFailure(.refused, "Nothing was done.") }
  }

  private static func letters(_ count: Int) -> String {
    let alphabet: [Character] = Array("bcdfghjklmnpqrstvwxz2456789")
    return String((0..<count).compactMap { _ in alphabet.randomElement() })
  }

  func check() throws {
    guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout takes 1 to 86400 seconds") }
  }
}

private let exitCodes = "Exit code 0: done. 1: failed. 2: refused. 3: the outcome is not known."

struct SwitchoverCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "switchover", abstract: "Move a cluster while all is well: the active center gives way, nothing is lost.",
    discussion: exitCodes)
  @OptionGroup var options: VerbOptions
  func validate() throws { try options.check() }
  func run() async throws { try await options.run("switchover") }
}

struct FailoverCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failover", abstract: "Move a cluster after a loss: the active center is silent.", discussion: exitCodes)
  @OptionGroup var options: VerbOptions
  func validate() throws { try options.check() }
  func run() async throws { try await options.run("failover") }
}

struct FailbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failback", abstract: "Move a cluster home, once its first center is a full standby again.", discussion: exitCodes)
  @OptionGroup var options: VerbOptions
  func validate() throws { try options.check() }
  func run() async throws { try await options.run("failback") }
}

struct EvacuateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evacuate",
    abstract: "Move the exclusive pods of one namespace to another center, and the rest of the cluster stays; home with the active center.",
    discussion: exitCodes)
  @OptionGroup var options: VerbOptions
  @Option(help: "The namespace.") var namespace: String
  func validate() throws { try options.check() }
  func run() async throws { try await options.run("evacuate", namespace: namespace) }
}

struct ReprotectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reprotect", abstract: "Make a center that came back a full standby again; nothing moves.", discussion: exitCodes)
  @OptionGroup var options: VerbOptions
  func validate() throws { try options.check() }
  func run() async throws { try await options.run("reprotect") }
}
