import ArgumentParser
import Drills
import Glibc
import KubeModel
import Lab
import Primitives
import TLS

/// What a lab signs its reports with; nil where the lab is older than reports' seals (`lab up` makes the key).
enum LabSigner {
  static func identity(_ lab: Lab) -> TLSIdentity? {
    let files = FederationPKI(directory: lab.directory.pki).files(person: FederationPKI.reports)
    return try? TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
  }
}

struct DrillVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check that reports are as they were signed, and that each follows the one before.",
    discussion: """
      Takes reports in JSON and in HTML; a page is also drawn again from what it carries and compared. Exit code 0: all of them hold.
      1: one does not. 3: it cannot be read.
      """)
  @Argument(help: "The reports.") var reports: [String]
  @Option(help: "The federation's authority in PEM; by default that of the lab in --directory.") var authority: String?
  @OptionGroup var lab: LabOptions
  @Option(name: .shortAndLong, help: "text or json") var output: OutputFormat = .text

  func run() throws {
    let trust: TLSTrust
    let path: String = authority ?? FederationPKI(directory: lab.folder.pki).authorityCertificate
    do {
      trust = try TLSTrust(file: path)
    } catch {
      printError("The authority \(path) cannot be read: \(error). Name it with --authority.")
      throw ExitCode(3)
    }
    var found: [(name: String, finding: ReportSeal.Finding)] = []
    for file in reports {
      guard let text: String = LabDirectory.read(file, limit: 256 << 20) else {
        printError("\(file) cannot be read.")
        throw ExitCode(3)
      }
      let isPage: Bool = text.hasPrefix("<!doctype html>")
      guard let read: JSONValue = isPage ? ReportPage.document(text) : try? JSONValue.parse(Bytes(text)) else {
        printError("\(file) is no report.")
        throw ExitCode(3)
      }
      let documents: [JSONValue] = read.object == nil ? read.array : [read]
      for (index, document) in documents.enumerated() {
        var finding: ReportSeal.Finding = ReportSeal.check(document, trust: trust)
        if isPage, ReportPage.text(document) != text {
          finding.problems.append(
            "The page shows something else than the report that it carries (or another version of tricenter drew it).")
        }
        found.append((documents.count > 1 ? "\(file)[\(index)]" : file, finding))
      }
    }
    let chain: [String] = ReportSeal.chainProblems(found)
    show(found, chain)
    if !chain.isEmpty || found.contains(where: { !$0.finding.problems.isEmpty }) { throw ExitCode(1) }
  }

  private func show(_ found: [(name: String, finding: ReportSeal.Finding)], _ chain: [String]) {
    switch output {
    case .text:
      for (name, finding) in found {
        if finding.problems.isEmpty {
          printLine("\(name): number \(finding.sequence), \(finding.hash), as \(finding.signer) signed it")
        }
        for problem in finding.problems { printLine("\(name): \(problem)") }
      }
      for problem in chain { printLine(problem) }
    case .json:
      let reports: [JSONValue] = found.map { name, finding in
        [
          "file": .string(name), "sequence": .int(finding.sequence), "hash": .string(finding.hash), "previous": .string(finding.previous),
          "signer": .string(finding.signer), "problems": .array(finding.problems.map { .string($0) }),
        ]
      }
      printJSON(["reports": .array(reports), "chain": .array(chain.map { .string($0) })])
    }
  }
}
