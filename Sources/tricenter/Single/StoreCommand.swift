import ArgumentParser
import Consensus
import EtcdAPI
import Glibc
import HTTP
import Logging
import NIOPosix
import Observability
import Primitives
import Store
import TLS

struct StoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store", abstract: "Run one member of the store alone, told what to do by etcd's own flags; look after a store.",
    discussion: "Without a command it runs a member; `tricenter store run --help` lists the flags that it takes.",
    subcommands: [
      StoreRunCommand.self, StoreSnapshotCommand.self, StoreHashCommand.self, StoreCheckCommand.self, StoreMigrateCommand.self,
      StoreRecoverCommand.self, StoreShrinkCommand.self, StoreRegrowCommand.self,
    ], defaultSubcommand: StoreRunCommand.self)
}

/// What `tricenter store` does where no other command is named.
struct StoreRunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run one member, told what to do by etcd's own flags (the default).",
    discussion: """
      Flags and ETCD_… variables are etcd's; what is not carried out is refused by name. Members of a cluster (--initial-cluster) talk over \
      mutual TLS: with certificates of `tricenter pki`, whose host name is the member's name, with certificates of another authority, or \
      (http://, --peer-auto-tls) with such as they make themselves, believed by whoever knows --initial-cluster-token. --site FILE says in \
      which center and city each member is, without it all are in the own certificate's. --initial-cluster-state existing joins a running cluster that \
      this member was added to (etcdctl member add). Prints `ready to serve client requests` when it is.
      """)
  @Argument(parsing: .captureForPassthrough, help: "etcd's flags.") var flags: [String] = []

  func run() async throws {
    if flags.contains(where: { ["--help", "-help", "-h"].contains($0) }) { return printHelp() }
    // As scripts read it from etcd: the version whose contract is served.
    if flags.contains(where: { ["--version", "-version"].contains($0) }) {
      return printLine("etcd Version: \(EtcdServer.version)\nServer: tricenter store")
    }
    let plan: StorePlan
    let remarks: [String]
    do {
      var environment: [String: String] = [:]
      var entry: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
      while let variable: UnsafeMutablePointer<CChar> = entry.pointee {
        let parts: [Substring] = String(cString: variable).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
        entry += 1
      }
      let read = try EtcdFlags(flags, environment: environment)
      guard let level = Logger.Level(rawValue: read["log-level"] == "warn" ? "warning" : read["log-level"]) else {
        throw ValidationFault("--log-level=\(read["log-level"]) is none of debug, info, warn, error")
      }
      Logs.bootstrap(level: level)
      bootstrapMetrics()
      plan = try StorePlan(read)
      remarks = read.remarks
    } catch {
      printError("\(error)")
      throw ExitCode(2)
    }
    for remark in remarks { Logger(label: "store").warning("\(remark)") }
    for remark in plan.remarks { Logger(label: "store").log(level: remark.level, "\(remark.text)") }
    try await runDaemon { try await StoreProcess(plan: plan).run() }
  }

  private func printHelp() {
    printLine(Self.configuration.abstract + "\n\nCarried out, with their defaults:")
    for (name, value) in EtcdFlags.known.sorted(by: { $0.key < $1.key }) { printLine("  --\(name)=\(value)") }
    printLine("\nOurs, which etcd has not (--site: in which center and city each member is; the others: what crosses between centers):")
    for (name, value) in EtcdFlags.ours.sorted(by: { $0.key < $1.key }) { printLine("  --\(name)=\(value)") }
    printLine("\nTaken with these values only:")
    for (name, values) in EtcdFlags.fixed.sorted(by: { $0.key < $1.key }) {
      printLine("  --\(name)=\(values.sorted().joined(separator: "|"))")
    }
    printLine("\nTaken, and of no effect here:")
    for (name, reason) in EtcdFlags.tolerated.sorted(by: { $0.key < $1.key }) { printLine("  --\(name)  (\(reason))") }
    printLine("\nRefused:")
    for (name, reason) in EtcdFlags.refused.sorted(by: { $0.key < $1.key }) { printLine("  --\(name)  (\(reason))") }
  }
}

/// A member with its listeners, until its task is cancelled.
struct StoreProcess: Sendable {
  let plan: StorePlan

  func run() async throws {
    let name: HostName = plan.name
    let logger: Logger = Self.logger(name)
    let health = HealthRegistry()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let store: Store = try await plan.store(group.next())
    health.register("store", live: true) { store.health(liveOnly: true) }
    health.register("store-leader") { store.health() }
    try await store.start()
    do {
      let tls: TLSContext? = try plan.clientTLS()
      var daemons: [Daemon] = []
      for url in plan.listenClient {
        let server = EtcdServer(
          HTTPServerConfiguration(address: .host(url.host, port: url.port), tls: url.isSecure ? tls : nil, group: group), store: store,
          options: plan.options)
        try await server.start()
        logger.notice("listening for clients", metadata: ["address": "\(url.host):\(url.port)", "tls": "\(url.isSecure)"])
        daemons.append(("etcd \(url.host):\(url.port)", { try await Self.keep(server) }))
      }
      for url in plan.listenMetrics {
        let server = HTTPServer(
          HTTPServerConfiguration(address: .host(url.host, port: url.port), tls: url.isSecure ? tls : nil, group: group),
          responder: ObservabilityResponder(health: health))
        daemons.append(("metrics \(url.host):\(url.port)", { try await server.run() }))
      }
      daemons.append(("store", { try await CenterProcess.watch(store) }))
      daemons.append(
        (
          "ready",
          {
            // As etcd says it: once a linearizable read is answered, which needs a leader.
            while (try? await store.get(Bytes("ready"))) == nil { try await Task.sleep(for: .milliseconds(20)) }
            logger.notice(
              "ready to serve client requests",
              metadata: [
                "cluster-id": "\(String(store.configuration.clusterID, radix: 16))",
                "member-id": "\(String(store.configuration.memberID.value, radix: 16))",
              ])
            while !Task.isCancelled { try await Task.sleep(for: .seconds(3_600)) }
          }
        ))
      try await runTogether(daemons, host: name)
    } catch {
      await store.stop()
      throw error
    }
  }

  private static func logger(_ name: HostName) -> Logger {
    var logger = Logger(label: "store")
    logger[metadataKey: "member"] = "\(name)"
    return logger
  }

  /// A server that was started already, so that a taken port is told before anything else.
  private static func keep(_ server: EtcdServer) async throws {
    do {
      while true { try await Task.sleep(for: .seconds(3_600)) }
    } catch {
      await server.shutdown()
      throw error
    }
  }
}
