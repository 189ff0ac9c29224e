import ArgumentParser
import KubeModel
import Lab
import Primitives
import Site
import TLS

struct PKICommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pki", abstract: "Make, renew and show the federation's certificates, and write kubeconfigs.",
    subcommands: [Init.self, Renew.self, Show.self, Person.self, Config.self])

  struct Place: ParsableArguments {
    @Option(help: "Where the certificates are: ca.pem, ca.key, CENTER/HOST/DAEMON.pem and .key, people/.") var directory: String
    @Option(help: "text or json") var output: OutputFormat = .text
  }

  struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make the authority and a certificate per center, host and daemon; keep what is good, renew what is due.",
      discussion: "Safe to repeat. Exit code 0: done. 1: failed. 2: the site file is refused.")
    @Option(help: "The site file.") var site: String
    @OptionGroup var place: Place

    func run() throws { try PKICommand.prepare(site: site, place, force: false) }
  }

  struct Renew: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Renew what is past two thirds of its life or no longer says what the site file says.",
      discussion: "Running daemons take the new files within a second; connections that stand are kept.")
    @Option(help: "The site file.") var site: String
    @Flag(help: "Renew every certificate but the authority's.") var all: Bool = false
    @OptionGroup var place: Place

    func run() throws { try PKICommand.prepare(site: site, place, force: all) }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the certificates: what they say, until when, and what is wrong with them.",
      discussion: "Exit code 0: all good. 1: at least one should not be used.")
    @OptionGroup var place: Place

    func run() throws {
      try PKICommand.orRefused {
        let items: [FederationPKI.Item] = try FederationPKI(directory: place.directory).inventory(now: SystemClock().wall())
        switch place.output {
        case .text: items.forEach { printLine(PKICommand.line($0)) }
        case .json: printJSON(["directory": .string(place.directory), "certificates": .array(items.map(PKICommand.json))])
        }
        if items.contains(where: { $0.problem != nil }) { throw ExitCode(1) }
      }
    }
  }

  struct Person: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a client certificate for a person: their user name and groups.",
      discussion: "Members of system:masters may do everything. `tricenter pki kubeconfig --person NAME` makes a kubeconfig of it.")
    @Argument(help: "The user's name.") var name: String
    @Option(help: "A group; may be given several times.") var group: [String] = []
    @Option(help: "Days until the certificate ends, 1 to 3650.") var days: Int = 365
    @OptionGroup var place: Place

    func validate() throws {
      guard (1...3650).contains(days) else { throw ValidationError("--days takes 1 to 3650") }
    }

    func run() throws {
      try PKICommand.orRefused {
        let entry: FederationPKI.Entry = try FederationPKI(directory: place.directory)
          .prepare(person: name, groups: group, lifetime: .seconds(days * 86_400), now: SystemClock().wall())
        switch place.output {
        case .text: printLine("\(entry.outcome.rawValue) \(entry.path): \(entry.subject), until \(entry.notAfter.rfc3339)")
        case .json:
          printJSON([
            "path": .string(entry.path), "subject": .string(entry.subject), "groups": .array(group.map { .string($0) }),
            "notAfter": .string(entry.notAfter.rfc3339), "outcome": .string(entry.outcome.rawValue),
          ])
        }
      }
    }
  }

  struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "kubeconfig", abstract: "Write a kubeconfig of a person, with certificate and key embedded, mode 0600.")
    @Option(help: "The cluster's name.") var cluster: String
    @Option(help: "The apiserver: https://ADDRESS:PORT, of any center.") var server: String
    @Option(help: "Whose certificate, in people/.") var person: String = "admin"
    @Option(help: "The file to write; standard output if left out.") var file: String?
    @OptionGroup var place: Place

    func run() throws {
      try PKICommand.orRefused {
        let text: String = try FederationPKI(directory: place.directory).kubeconfig(cluster: cluster, server: server, person: person)
        guard let file else { return printLine(text) }
        try SecretFile.write(Bytes(text), to: file)
        switch place.output {
        case .text: printLine("\(file): cluster \(cluster) at \(server) as \(person)")
        case .json:
          printJSON(["file": .string(file), "cluster": .string(cluster), "server": .string(server), "person": .string(person)])
        }
      }
    }
  }

  private static func prepare(site path: String, _ place: Place, force: Bool) throws {
    try orRefused {
      let site: Site = try SiteReader.read(path: path)
      let entries: [FederationPKI.Entry] = try FederationPKI(directory: place.directory)
        .prepare(FederationPlan(site), now: SystemClock().wall(), force: force)
      switch place.output {
      case .text:
        for entry in entries where entry.outcome != .kept {
          printLine("\(entry.outcome.rawValue) \(entry.path): \(entry.subject), until \(entry.notAfter.rfc3339)")
        }
        let kept: Int = entries.count { $0.outcome == .kept }
        printLine("\(place.directory): \(entries.count) certificates of federation \(site.federation), \(kept) kept")
      case .json:
        printJSON([
          "directory": .string(place.directory),
          "certificates": .array(
            entries.map {
              [
                "path": .string($0.path), "subject": .string($0.subject), "notAfter": .string($0.notAfter.rfc3339),
                "outcome": .string($0.outcome.rawValue),
              ]
            }),
        ])
      }
    }
  }

  /// Sentences on standard error instead of a dump: 2 for a site file that is refused, 1 for what failed.
  private static func orRefused(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let refused as SiteProblems {
      for problem in refused.problems { printError(problem.description) }
      throw ExitCode(2)
    } catch let error as TLSError {
      printError(error.description)
      throw ExitCode(1)
    }
  }

  private static func line(_ item: FederationPKI.Item) -> String {
    let organizations: String = item.certificate.organizations.map { " O=\($0)" }.joined()
    return
      "\(item.path): CN=\(item.certificate.commonName)\(organizations), until \(item.certificate.notAfter.rfc3339), \(item.problem ?? "good")"
  }

  private static func json(_ item: FederationPKI.Item) -> JSONValue {
    let names = item.certificate.alternativeNames
    func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
    return [
      "path": .string(item.path), "commonName": .string(item.certificate.commonName),
      "organizations": list(item.certificate.organizations), "dnsNames": list(names.dns), "addresses": list(names.addresses),
      "uris": list(names.uris), "notBefore": .string(item.certificate.notBefore.rfc3339),
      "notAfter": .string(item.certificate.notAfter.rfc3339), "fingerprint": .string(item.certificate.fingerprint),
      "problem": item.problem.map { .string($0) } ?? .null,
    ]
  }
}
