import Glibc
import Primitives

/// A federation's certificates in a directory:
///
///     ca.pem ca.key                     the authority; its key may live elsewhere between renewals
///     CENTER/HOST/DAEMON.pem .key       one per daemon (`PKIDaemon`) and host, for both directions
///     people/admin.pem .key             a client certificate, group system:masters
///     people/tricenter-reports.pem .key what reports are signed with; it opens nothing
public struct FederationPKI: Sendable {
  public let directory: String
  public init(directory: String) { self.directory = directory }

  /// Whose signature reports carry: the common name of its certificate, and its name below `people/`.
  public static let reports: String = "tricenter-reports"

  public var authorityCertificate: String { "\(directory)/ca.pem" }
  public var authorityKey: String { "\(directory)/ca.key" }

  public func folder(center: CenterName, host: HostName) -> String { "\(directory)/\(center)/\(host)" }

  public func files(center: CenterName, host: HostName, daemon: PKIDaemon) -> (certificate: String, key: String) {
    let stem: String = "\(folder(center: center, host: host))/\(daemon.rawValue)"
    return ("\(stem).pem", "\(stem).key")
  }

  public func files(person: String) -> (certificate: String, key: String) {
    ("\(directory)/people/\(person).pem", "\(directory)/people/\(person).key")
  }

  /// What was done with one certificate, or what is known of it.
  public struct Entry: Sendable {
    public enum Outcome: String, Sendable { case created, renewed, kept }
    public var path: String
    public var subject: String
    public var notAfter: WallTime
    public var outcome: Outcome
  }

  /// Makes what is missing, renews what is due (at two thirds of its life, or when its names are no longer the plan's) and keeps the
  /// rest. Safe to repeat, also after a crash in the middle. `force` renews every leaf. Throws `TLSError`; nothing valid is destroyed.
  public func prepare(_ plan: FederationPlan, now: WallTime, force: Bool = false) throws -> [Entry] {
    guard plan.problems.isEmpty else { throw TLSError(.badCertificate, plan.problems.joined(separator: " ")) }
    try SecretFile.makeDirectory(directory)
    var entries: [Entry] = []
    let authority: CertificateAuthority = try prepareAuthority(plan, now: now, &entries)
    for host in plan.hosts {
      try SecretFile.makeDirectory(folder(center: host.center, host: host.name))
      for daemon in PKIDaemon.allCases {
        let files = files(center: host.center, host: host.name, daemon: daemon)
        entries.append(try prepare(daemon.leaf(host, in: plan), files, authority, now: now, force: force))
      }
    }
    try SecretFile.makeDirectory("\(directory)/people")
    var admin = LeafDescription(commonName: "tricenter-admin", organizations: ["system:masters"])
    admin.usages = [.client]
    admin.lifetime = plan.leafLifetime
    entries.append(try prepare(admin, files(person: "admin"), authority, now: now, force: force))
    var reports = LeafDescription(commonName: Self.reports)
    reports.usages = [.client]
    reports.lifetime = plan.leafLifetime
    entries.append(try prepare(reports, files(person: Self.reports), authority, now: now, force: force))
    return entries
  }

  /// A client certificate for a person: `name` is the user and `groups` the groups that apiservers and stores see (common name and
  /// organizations). What is there and still says the same is kept. Needs the authority's key. Throws `TLSError`.
  public func prepare(person name: String, groups: [String], lifetime: Duration, now: WallTime) throws -> Entry {
    guard let first = name.utf8.first, first != 46, first != 45, name.utf8.count <= 64,
      name.utf8.allSatisfy({
        ($0 >= 97 && $0 <= 122) || ($0 >= 65 && $0 <= 90) || ($0 >= 48 && $0 <= 57) || $0 == 45 || $0 == 46 || $0 == 95
      })
    else {
      throw TLSError(.badCertificate, "\"\(name)\" cannot be a person's name: letters, digits, hyphens, dots and underscores, at most 64.")
    }
    guard !name.hasPrefix("tricenter-"), name != "admin" else {
      throw TLSError(.badCertificate, "\"\(name)\" is a name of the federation's own; `pki init` makes what belongs to it.")
    }
    let authority = try CertificateAuthority.load(certificateFile: authorityCertificate, keyFile: authorityKey)
    try SecretFile.makeDirectory("\(directory)/people")
    var leaf = LeafDescription(commonName: name, organizations: groups)
    leaf.usages = [.client]
    leaf.lifetime = lifetime
    return try prepare(leaf, files(person: name), authority, now: now, force: false)
  }

  /// A kubeconfig of a person who has a certificate here.
  public func kubeconfig(cluster: String, server: String, person: String = "admin") throws -> String {
    let files = files(person: person)
    return Kubeconfig.text(
      cluster: cluster, server: server, ca: try SecretFile.read(authorityCertificate), cert: try SecretFile.read(files.certificate),
      key: try SecretFile.readSecret(files.key), user: person)
  }

  private func prepareAuthority(_ plan: FederationPlan, now: WallTime, _ entries: inout [Entry]) throws -> CertificateAuthority {
    var outcome: Entry.Outcome = .kept
    if access(authorityCertificate, F_OK) != 0 {
      let authority = try CertificateAuthority.create(
        commonName: "tricenter \(plan.federation) ca", lifetime: plan.authorityLifetime, now: now)
      try authority.write(certificateFile: authorityCertificate, keyFile: authorityKey)
      outcome = .created
    }
    let authority = try CertificateAuthority.load(certificateFile: authorityCertificate, keyFile: authorityKey)
    guard authority.certificate.isValid(at: now) else {
      throw TLSError(
        .certificateExpired,
        "The authority in \(authorityCertificate) is not valid now (it ends \(authority.certificate.notAfter.rfc3339)). Make a new one in another directory and trust both while certificates are exchanged."
      )
    }
    entries.append(
      Entry(
        path: authorityCertificate, subject: authority.certificate.commonName, notAfter: authority.certificate.notAfter, outcome: outcome))
    return authority
  }

  private func prepare(
    _ leaf: LeafDescription, _ files: (certificate: String, key: String), _ authority: CertificateAuthority, now: WallTime, force: Bool
  ) throws -> Entry {
    let exists: Bool = access(files.certificate, F_OK) == 0
    if exists, !force, let old = try usable(files, leaf, authority, now: now) {
      return Entry(path: files.certificate, subject: old.commonName, notAfter: old.notAfter, outcome: .kept)
    }
    let identity: TLSIdentity = try authority.issue(leaf, now: now)
    try identity.write(certificateFile: files.certificate, keyFile: files.key)
    return Entry(
      path: files.certificate, subject: leaf.commonName, notAfter: identity.certificate.notAfter, outcome: exists ? .renewed : .created)
  }

  /// The certificate that is there, if it may stay. A key that others can read stops the whole: it may have been taken.
  private func usable(
    _ files: (certificate: String, key: String), _ leaf: LeafDescription, _ authority: CertificateAuthority, now: WallTime
  ) throws -> Certificate? {
    let identity: TLSIdentity
    do {
      identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
    } catch let error as TLSError where error.code != .keyPermissions {
      return nil
    }
    let certificate: Certificate = identity.certificate
    let names = certificate.alternativeNames
    let isWanted: Bool =
      certificate.commonName == leaf.commonName && certificate.organizations == leaf.organizations && names.dns == leaf.dnsNames
      && names.uris == leaf.uris && names.addresses == leaf.addresses.compactMap { IPText.bytes($0).map(IPText.text) }
    let isSound: Bool =
      certificate.isValid(at: now) && !certificate.needsRenewal(at: now) && certificate.isSigned(by: authority.certificate)
    return isWanted && isSound ? certificate : nil
  }
}
