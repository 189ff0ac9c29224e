import ArgumentParser
import Glibc
import KubeModel
import Lab
import Logging
import Observability
import Primitives
import Processes
import Site

struct LabCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab", abstract: "A two-site three-center federation on one machine.",
    subcommands: [
      LabUp.self, LabDown.self, LabStatus.self, LabLink.self, LabPower.self, LabFault.self, LabWideArea.self, LabHostInit.self,
      LabRelay.self, LabVantage.self, LabFaultKeeper.self, LabCopyKeeper.self,
    ])
}

struct LabOptions: ParsableArguments {
  @Option(help: "The lab's folder; everything that a lab writes lies below it.") var directory: String = ".lab"

  var folder: LabDirectory { Self.folder(directory) }

  static func folder(_ directory: String) -> LabDirectory {
    if directory.hasPrefix("/") { return LabDirectory(path: directory) }
    var buffer = [CChar](repeating: 0, count: 4_096)
    let here: String = getcwd(&buffer, buffer.count).map { String(cString: $0) } ?? "/"
    return LabDirectory(path: "\(here)/\(directory)")
  }

  static var program: String {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count: Int = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    return String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func lab() throws -> Lab { try Lab(directory: folder, program: Self.program) }
}

struct LabLink: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link", abstract: "Show the lab's lines, or change the one between two places.",
    discussion: """
      tricenter lab link                                            every line
      tricenter lab link production remote-dr --delay 30ms --loss 1%
      tricenter lab link production local-dr --cut --one-way        only what production sends is lost
      tricenter lab link production local-dr --heal
      """)

  @OptionGroup var lab: LabOptions
  @Argument(help: "A center, or the branch host.") var from: String?
  @Argument(help: "The other end.") var to: String?
  @Option(help: "Round trip (with --one-way: delay of that direction), such as 30ms.") var delay: String?
  @Option(help: "Part of the packets that vanish, such as 1%.") var loss: String?
  @Option(help: "Bandwidth of each direction, such as 100mbit; 0 for no limit.") var bandwidth: String?
  @Flag(help: "Cut the line.") var cut: Bool = false
  @Flag(help: "Mend the line: no cut, no loss, no limit, the site file's round trip.") var heal: Bool = false
  @Flag(help: "Only the direction from the first place to the second.") var oneWay: Bool = false
  @Option(help: "text or json") var output: OutputFormat = .text

  func run() throws {
    let lab: Lab = try self.lab.lab()
    if let from, let to {
      var change = LinkSetting.Change()
      if heal {
        let expected: Duration? = lab.site.roundTrip(CenterName(from), CenterName(to))
        change = .init(delay: oneWay ? expected.map { $0 / 2 } : expected, loss: 0, bitsPerSecond: 0, cut: false)
      }
      if let delay {
        guard let value = Duration(siteText: delay) else { throw ValidationError("--delay \(delay) is not a time such as 30ms") }
        change.delay = value
      }
      if let loss { change.loss = try Self.part(loss) }
      if let bandwidth { change.bitsPerSecond = try Self.rate(bandwidth) }
      if cut { change.cut = true }
      guard change != LinkSetting.Change() else {
        throw ValidationError("Say what to change: --delay, --loss, --bandwidth, --cut or --heal.")
      }
      try lab.link(from, to, oneWay: oneWay, change)
    } else if from != nil {
      throw ValidationError("A line has two ends: name both.")
    }
    try show(lab)
  }

  private func show(_ lab: Lab) throws {
    let lines: [LineReport] = try lab.lines().filter { line in
      from == nil || Set([line.from, line.to]) == Set([from ?? "", to ?? ""])
    }
    switch output {
    case .json: printJSON(.array(lines.map(Self.json)))
    case .text:
      printLine(Self.row(["FROM", "TO", "DELAY", "LOSS", "RATE", "STATE", "CARRIED", "LOST", "BLOCKED"]))
      for line in lines {
        let delay = "\(Double(line.setting.delay.inNanoseconds / 1_000) / 1_000)ms"
        let rate: String = line.setting.bitsPerSecond == 0 ? "-" : "\(line.setting.bitsPerSecond / 1_000)kbit"
        printLine(
          Self.row([
            line.from, line.to, delay, "\(line.setting.loss * 100)%", rate, line.setting.cut ? "cut" : "up", "\(line.carried)",
            "\(line.lost)", "\(line.blocked)",
          ]))
      }
    }
  }

  private static func row(_ cells: [String]) -> String {
    cells.map { $0 + String(repeating: " ", count: max(1, 12 - $0.count)) }.joined()
  }

  private static func json(_ line: LineReport) -> JSONValue {
    [
      "from": .string(line.from), "to": .string(line.to), "delayMicroseconds": .int(line.setting.delay.inNanoseconds / 1_000),
      "loss": .double(line.setting.loss), "bitsPerSecond": .int(line.setting.bitsPerSecond), "cut": .bool(line.setting.cut),
      "carried": .int(Int64(line.carried)), "bytes": .int(Int64(line.carriedBytes)), "lost": .int(Int64(line.lost)),
      "blocked": .int(Int64(line.blocked)),
    ]
  }

  private static func part(_ text: String) throws -> Double {
    let number: Double? = text.hasSuffix("%") ? Double(text.dropLast()).map { $0 / 100 } : Double(text)
    guard let number, (0...1).contains(number) else { throw ValidationError("--loss \(text) is not a part such as 1%") }
    return number
  }

  private static func rate(_ text: String) throws -> Int64 {
    let units: [(String, Double)] = [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("", 1)]
    for (suffix, scale) in units where text.hasSuffix(suffix) {
      if let number = Double(text.dropLast(suffix.count)), number >= 0, number * scale < 1e13 { return Int64(number * scale) }
    }
    throw ValidationError("--bandwidth \(text) is not a rate such as 100mbit")
  }
}

struct LabPower: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "power", abstract: "Take or give the power of hosts or whole centers (SIGKILL to every process of theirs).")
  @OptionGroup var lab: LabOptions
  @Argument(help: "on or off") var state: String
  @Argument(help: "Hosts or centers.") var names: [String]
  @Option(help: "text or json") var output: OutputFormat = .text

  func run() throws {
    let lab: Lab = try self.lab.lab()
    var hosts: [HostName] = []
    for name in names {
      if let center = lab.site.center(CenterName(name)) {
        hosts += center.hosts.map(\.name)
      } else if lab.site.host(HostName(name)) != nil {
        hosts.append(HostName(name))
      } else {
        throw ValidationError("Neither a host nor a center is called \(name).")
      }
    }
    var ended: Int = 0
    switch state {
    case "off": ended = lab.power(off: hosts)
    case "on": for host in hosts { try lab.power(on: host) }
    default: throw ValidationError("Say on or off.")
    }
    switch output {
    case .text:
      let done: String = state == "off" ? "power off, \(ended) processes ended" : "power on"
      printLine("\(hosts.map(\.value).joined(separator: " ")): \(done)")
    case .json:
      printJSON(["power": .string(state), "hosts": .array(hosts.map { .string($0.value) }), "ended": .int(Int64(ended))])
    }
  }
}

/// The daemons below are started by `lab up`; people have no use for them.
struct LabWideArea: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "wan", abstract: "The wide-area element.", shouldDisplay: false)
  @OptionGroup var lab: LabOptions
  func run() throws {
    Logs.bootstrap(level: .info)
    let folder: LabDirectory = lab.folder
    try WideAreaDaemon(site: SiteReader.read(path: folder.siteFile), directory: folder, logger: Logger(label: "lab.wan")).run()
  }
}

struct LabHostInit: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "host-init", abstract: "A host's first process.", shouldDisplay: false)
  @OptionGroup var lab: LabOptions
  @Option var host: String
  func run() throws {
    Logs.bootstrap(level: .info)
    try HostInit(directory: lab.folder, host: HostName(host), logger: Logger(label: "lab.init")).run()
  }
}

/// Started with a copy; people have no use for it.
struct LabCopyKeeper: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "copy-keeper", abstract: "Ends a copy whose lease is over.", shouldDisplay: false)
  @OptionGroup var lab: LabOptions
  func run() async throws {
    Logs.bootstrap(level: .info)
    try await CopyKeeper(directory: lab.folder, logger: Logger(label: "lab.copy")).run()
  }
}

struct LabRelay: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "relay", abstract: "The way in for kubectl.", shouldDisplay: false)
  @OptionGroup var lab: LabOptions
  func run() throws {
    Logs.bootstrap(level: .info)
    let lab: Lab = try self.lab.lab()
    try Relay(routes: lab.relayRoutes, namespace: lab.branchNamespace, logger: Logger(label: "lab.relay")).run()
  }
}

struct LabVantage: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vantage", abstract: "A probe of the site file, in the branch's network.", shouldDisplay: false)
  @OptionGroup var lab: LabOptions
  @Option var name: String
  func run() async throws {
    Logs.bootstrap(level: .info)
    let lab: Lab = try self.lab.lab()
    let access = PersonAccess(file: try KubeconfigFile(path: lab.directory.kubeconfig(vantage: name)))
    try await VantageRun(planned: name, in: lab.site).run(access, authority: nil)
  }
}
