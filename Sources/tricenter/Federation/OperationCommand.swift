import ArgumentParser
import KubeClient
import KubeModel
import Primitives

struct OperationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operation", abstract: "Look at what verbs have begun, from any center.",
    subcommands: [List.self, Show.self, Watch.self, Approve.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "All operations, the newest last.")
    @OptionGroup var person: PersonOptions
    @Option(help: "Of this cluster only.") var cluster: String?
    @Flag(name: .shortAndLong, help: "Go on, and tell every change.") var watch: Bool = false
    @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

    func run() async throws {
      try await CommandFailure.told {
        let access: PersonAccess = try person.access()
        let client: KubeClient = try await access.everyCenter()
        try await Repeatedly.print(watch) {
          let all: [KubeObject] = try await access.patiently(.seconds(5)) { try await client.list(.failovers).items }
            .filter { cluster == nil || $0.spec["cluster"].string == cluster }
            .sorted {
              ($0.metadata["creationTimestamp"].string ?? "", $0.name) < ($1.metadata["creationTimestamp"].string ?? "", $1.name)
            }
          return ObjectOutput.text(all, output) { wide in OperationText.table(all, wide, now: access.clock.wall()) }
        }
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "One operation: what stands against it, what happened, and the decisions about it.",
      discussion: "Exit code 0: done. 1: failed, or there is none of that name. 2: refused. 3: it is not over, or nobody answers.")
    @OptionGroup var person: PersonOptions
    @Argument(help: "The operation's id.") var name: String
    @Flag(name: .shortAndLong, help: "Follow it to its end first, ten minutes at most.") var watch: Bool = false
    @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

    func run() async throws {
      try await CommandFailure.told {
        let access: PersonAccess = try person.access()
        let client: KubeClient = try await access.everyCenter()
        let id: String = Operation.id(name)
        if watch {
          _ = try await OperationWatch(access: access, client: client, name: id).untilEnd(.seconds(600)) { printError($0) }
        }
        let object: KubeObject = try await Operation.find(id, client, access)
        printLine(
          ObjectOutput.text([object], output, isList: false) { wide in OperationText.table([object], wide, now: access.clock.wall()) })
        if output == .table || output == .wide {
          for line in OperationText.details(object) { printLine(line) }
          let decisions: [KubeObject] = try await client.list(.decisions).items.filter { $0.spec["failover"].string == id }
          if !decisions.isEmpty {
            printLine("")
            printLine(Operation.decisions(decisions).text)
          }
        }
        try OperationWatch.exit(object)
      }
    }
  }

  struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Follow an operation to its end.",
      discussion: "Exit code 0: done. 1: failed. 2: refused. 3: the outcome is not known.")
    @OptionGroup var person: PersonOptions
    @Argument(help: "The operation's id.") var name: String
    @Option(help: "Seconds to wait.") var timeout: Int = 600
    @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

    func validate() throws {
      guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout takes 1 to 86400 seconds") }
    }

    func run() async throws {
      try await CommandFailure.told {
        let access: PersonAccess = try person.access()
        let operation = OperationWatch(access: access, client: try await access.everyCenter(), name: Operation.id(name))
        let end: KubeObject = try await operation.untilEnd(.seconds(timeout)) { printError($0) }
        printLine(ObjectOutput.text([end], output, isList: false) { wide in OperationText.table([end], wide, now: access.clock.wall()) })
        try OperationWatch.exit(end)
      }
    }
  }

  struct Approve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give one's word for an operation that somebody else asked for.",
      discussion: "Exit code 0: the approval is there. 1: there is no such operation. 2: refused. 3: nobody answers.")
    @OptionGroup var person: PersonOptions
    @Argument(help: "The operation's id.") var name: String
    @Option(help: "What to say to it.") var comment: String?

    func run() async throws {
      try await CommandFailure.told {
        let access: PersonAccess = try person.access()
        let client: KubeClient = try await access.everyCenter()
        let id: String = Operation.id(name)
        try await retryOnConflict {
          var object: KubeObject = try await access.patiently(.seconds(5)) { try await client.get(.failovers, name: id) }
          // The API server puts the name to it: nobody approves for another one.
          var own: JSONValue = ["user": ""]
          if let comment { own["comment"] = .string(comment) }
          object.json["spec"]["approvals"] = .array(object.spec["approvals"].array + [own])
          _ = try await client.update(.failovers, object)
        }
        printLine("operation/\(id) approved")
      }
    }
  }
}

enum Operation {
  /// `operation/NAME` as the verbs print it, or NAME.
  static func id(_ text: String) -> String { text.hasPrefix("operation/") ? String(text.dropFirst("operation/".count)) : text }

  /// Its name was told before anybody was asked for it, so there may be none.
  static func find(_ id: String, _ client: KubeClient, _ access: PersonAccess) async throws -> KubeObject {
    do {
      return try await access.patiently(.seconds(5)) { try await client.get(.failovers, name: id) }
    } catch let error as KubeError where error.code == .notFound {
      throw CommandFailure(
        .failed, "There is no operation \(id): it was not taken up, and nothing follows from it. All there are: tricenter operation list")
    }
  }

  static func decisions(_ all: [KubeObject]) -> TextTable {
    var table = TextTable(["DECIDED", "DECISION", "BY", "EPOCH", "REASON"])
    for decision in all.sorted(by: { ($0.spec["time"].string ?? "") < ($1.spec["time"].string ?? "") }) {
      let spec: JSONValue = decision.spec
      table.rows.append([
        spec["time"].string ?? "-", spec["decision"].string ?? "-", "\(spec["host"].string ?? "?") of \(spec["center"].string ?? "?")",
        spec["inputs"]["epoch"].int.map(String.init) ?? "-", spec["reason"].string ?? "-",
      ])
    }
    return table
  }
}

/// `--watch`: prints again when something changed.
enum Repeatedly {
  static func print(_ watch: Bool, _ text: () async throws -> String) async throws {
    var last: String = ""
    while true {
      do {
        let now: String = try await text()
        if now != last { printLine(now) }
        last = now
      } catch let error as KubeError where watch && !error.isRefusal {
        printError(error.message)
      }
      guard watch else { return }
      try await Task.sleep(for: .seconds(1))
    }
  }
}
