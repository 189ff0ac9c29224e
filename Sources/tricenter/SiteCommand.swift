import ArgumentParser
import Site

struct SiteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "site", abstract: "Check a site file.", subcommands: [Check.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read a site file and tell everything that is wrong with it, with line and reason.",
      discussion: "Exit code 0: the site is well formed. 2: refused.")

    @Argument(help: "The site file.") var file: String
    @Option(help: "text or json") var output: OutputFormat = .text

    func run() throws {
      do {
        let site: Site = try SiteReader.read(path: file)
        switch output {
        case .text:
          printLine(
            "\(file): federation \(site.federation), \(site.centers.count) centers, \(site.hosts.count) hosts, "
              + "\(site.voters.count) voters, \(site.clusters.count) clusters: well formed")
        case .json:
          printJSON(["file": .string(file), "wellFormed": true, "problems": []])
        }
      } catch let refused as SiteProblems {
        switch output {
        case .text:
          for problem in refused.problems { printLine(problem.description) }
        case .json:
          printJSON([
            "file": .string(file), "wellFormed": false,
            "problems": .array(
              refused.problems.map {
                ["line": .int(Int64($0.line)), "column": .int(Int64($0.column)), "reason": .string($0.reason)]
              }),
          ])
        }
        throw ExitCode(2)
      }
    }
  }
}
