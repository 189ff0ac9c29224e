import ArgumentParser
import Drills
import Glibc
import HTTP
import KubeClient
import Lab
import NIOPosix
import Primitives
import Site
import TLS

/// Where a runbook is run: a lab on this machine, or a federation that a kubeconfig and a site file lead to.
struct RunbookOptions: ParsableArguments {
  @OptionGroup var person: PersonOptions
  @Option(help: "The lab's folder. Without it and without a kubeconfig: .lab, if it is there.") var directory: String?
  @Option(help: "The site file; a lab has its own.") var site: String?

  /// The lab that is meant; nil where a kubeconfig leads elsewhere.
  func lab() throws -> Lab? {
    if let directory { return try Self.lab(directory) }
    let isNamed: Bool = person.kubeconfig != nil || getenv("KUBECONFIG").map { String(cString: $0) }.map { !$0.isEmpty } ?? false
    guard !isNamed, access(".lab/site.yaml", R_OK) == 0 else { return nil }
    return try Self.lab(".lab")
  }

  private static func lab(_ directory: String) throws -> Lab {
    do {
      return try Lab(directory: LabOptions.folder(directory), program: LabOptions.program)
    } catch {
      throw CommandFailure(.refused, "\(error)")
    }
  }

  /// The site file's text, and what it says.
  func siteFile(_ lab: Lab?) throws -> (text: String, site: Site) {
    guard let path: String = site ?? lab?.directory.siteFile else {
      throw CommandFailure(.refused, "A run is checked against a site file: name it with --site, or a lab with --directory.")
    }
    do {
      return (LabDirectory.read(path) ?? "", try SiteReader.read(path: path))
    } catch let problems as SiteProblems {
      throw CommandFailure(.refused, problems.description)
    }
  }

  /// Who only looks after runs needs no site file: any center that answers will do.
  func client() async throws -> KubeClient {
    if let lab: Lab = try lab() { return try PersonAccess(file: Self.kubeconfig(lab.directory.kubeconfig)).client() }
    return try await person.access().everyCenter()
  }

  static func kubeconfig(_ path: String) throws -> KubeconfigFile {
    do {
      return try KubeconfigFile(path: path)
    } catch {
      throw CommandFailure(.unknown, "There is no way to the federation: \(error)")
    }
  }
}

/// What a run is carried out with.
struct RunbookPlace: Sendable {
  let site: Site
  let siteHash: String
  let faults: any FaultInjector
  let executor: (any HostExecutor)?
  /// Nil where nothing makes fenced copies.
  let copier: (any ClusterCopier)?
  let tls: TLSContext
  /// What reports are signed with, nil where its key is not at hand.
  let signer: TLSIdentity?
  /// Beside the apiservers of the site file.
  let server: HTTPClientConfiguration.Target?
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  init(_ options: RunbookOptions, pki: String?) throws {
    let lab: Lab? = try options.lab()
    let (text, site) = try options.siteFile(lab)
    self.site = site
    siteHash = SHA256.hexadecimal(Bytes(text))
    if let lab {
      let own = FederationPKI(directory: lab.directory.pki)
      let person = own.files(person: "admin")
      tls = try .client(
        identity: .files(certificate: person.certificate, key: person.key), trust: .file(own.authorityCertificate),
        applicationProtocols: HTTPServerConfiguration.applicationProtocols)
      faults = LabFaults(lab: lab)
      executor = LabExecutor(lab: lab)
      copier = LabCopier(lab: lab)
      server = nil
      signer = try Self.signer(pki ?? lab.directory.pki, isWanted: pki != nil)
      return
    }
    let file: KubeconfigFile = try options.person.access().file
    tls = try file.clientTLS()
    faults = NoFaultInjector()
    executor = CommandExecutor(site: site)
    copier = nil
    server = .host(file.host, port: file.port)
    signer = try pki.flatMap { try Self.signer($0, isWanted: true) }
  }

  private static func signer(_ directory: String, isWanted: Bool) throws -> TLSIdentity? {
    let files = FederationPKI(directory: directory).files(person: FederationPKI.reports)
    do {
      return try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
    } catch {
      guard isWanted else { return nil }
      throw CommandFailure(.refused, "Reports cannot be signed with \(files.key): \(error). `tricenter pki init` makes it.")
    }
  }

  var client: KubeClient { DrillContext.client(site.hosts, site: site, tls: tls, group: group, more: server) }

  func context(_ plan: RunPlan, tell: @escaping @Sendable (String) -> Void) -> DrillContext {
    DrillContext(
      site: site, plan: plan, faults: faults, executor: executor, clientTLS: tls, group: group, server: server,
      copier: copier, tell: tell)
  }
}

/// Real hosts are broken by nobody: what a lab does to its own, nothing here does to a federation that serves.
struct NoFaultInjector: FaultInjector {
  private func refused(_ what: String) -> DrillError {
    DrillError(.refused, "\(what): faults are only injected into a lab (--directory), and this federation is none.")
  }
  func lose(_ center: CenterName) async throws -> String { throw refused("the loss of \(center)") }
  func giveBack(_ center: CenterName) async throws -> String { throw refused("the return of \(center)") }
  func state(of center: CenterName) async throws -> CenterPower { .whole }
  func inject(_ fault: FaultSpec, id: String) async throws -> FaultHandle { throw refused("a fault") }
  func renew(_ handle: FaultHandle) async throws -> FaultHandle { throw refused("a longer fault") }
  func undo(_ handle: FaultHandle) async throws -> String { throw refused("the end of a fault") }
  func faults() async throws -> [FaultHandle] { [] }
  func residentBytes(_ host: HostName) -> Int? { nil }
  var simulated: [String] { [] }
}
