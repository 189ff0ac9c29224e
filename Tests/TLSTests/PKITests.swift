import Glibc
import Primitives
import Processes
import Testing

@testable import TLS

@Suite struct PKITests {
  let directory = TemporaryDirectory()

  private var plan: FederationPlan {
    var plan = FederationPlan(
      federation: "bank",
      hosts: [
        .init(center: "production", name: "prod-1", addresses: ["10.77.1.1"], dnsNames: ["prod-1.bank.example"]),
        .init(center: "remote-dr", name: "rdr-1", addresses: ["10.77.3.1", "fd00::3"]),
      ])
    plan.apiServerAddresses = ["10.96.0.1"]
    plan.apiServerNames = ["kubernetes.default.svc.cluster.local"]
    return plan
  }

  @Test func whoKnowsTheSameWordsMakesTheSameAuthority() throws {
    let one = try SharedAuthority(words: "token", purpose: "peers", now: now)
    let two = try SharedAuthority(words: "token", purpose: "peers", now: now)
    let identity: TLSIdentity = try one.identity(center: "default", host: "a", daemon: "store", now: now)
    #expect(identity.certificate.isSigned(by: try #require(two.trust.authorities.first)) && one.federation == two.federation)
    #expect(
      identity.certificate.identity.process
        == IdentityURI(federation: one.federation, center: "default", host: "a", daemon: "store"))
    for other in [
      try SharedAuthority(words: "tokem", purpose: "peers", now: now), try SharedAuthority(words: "token", purpose: "clients", now: now),
    ] {
      #expect(!identity.certificate.isSigned(by: try #require(other.trust.authorities.first)) && other.federation != one.federation)
    }
    #expect(throws: TLSError.self) { try one.identity(center: "default", host: "a/b", daemon: "store", now: now) }
  }

  @Test func everyHostGetsACertificatePerDaemonAndKeysAreTheirOwnersAlone() throws {
    let pki = FederationPKI(directory: directory.file("pki"))
    let entries: [FederationPKI.Entry] = try pki.prepare(plan, now: now)
    #expect(entries.count == 1 + 2 * PKIDaemon.allCases.count + 2)
    #expect(entries.allSatisfy { $0.outcome == .created })
    for host in plan.hosts {
      for daemon in PKIDaemon.allCases {
        let files = pki.files(center: host.center, host: host.name, daemon: daemon)
        let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
        let uri = IdentityURI(federation: "bank", center: host.center.value, host: host.name.value, daemon: daemon.rawValue)
        #expect(identity.certificate.identity.process == uri)
        #expect(identity.certificate.alternativeNames.addresses.contains(host.addresses[0]))
        #expect(directory.mode("pki/\(host.center)/\(host.name)/\(daemon.rawValue).key") == 0o600)
      }
    }
    #expect(directory.mode("pki/ca.key") == 0o600)
    #expect(directory.mode("pki/people/admin.key") == 0o600)
    #expect(directory.mode("pki/ca.pem") == 0o644)
    let kubelet = pki.files(center: "production", host: "prod-1", daemon: .kubelet)
    let node: PeerIdentity = try TLSIdentity(certificateFile: kubelet.certificate, keyFile: kubelet.key).certificate.identity
    #expect(node.commonName == "system:node:prod-1" && node.organizations == ["system:nodes"])
    let apiserver = pki.files(center: "remote-dr", host: "rdr-1", daemon: .apiserver)
    let names = try TLSIdentity(certificateFile: apiserver.certificate, keyFile: apiserver.key).certificate.alternativeNames
    #expect(names.addresses.contains("10.96.0.1") && names.addresses.contains("fd00::3"))
    #expect(names.dns.contains("kubernetes.default.svc.cluster.local"))
  }

  @Test func aSecondRunKeepsWhatIsGoodAndRenewsWhatIsNot() throws {
    let pki = FederationPKI(directory: directory.path)
    _ = try pki.prepare(plan, now: now)
    #expect(try pki.prepare(plan, now: now).allSatisfy { $0.outcome == .kept })

    let store = pki.files(center: "production", host: "prod-1", daemon: .store)
    unlink(store.key)
    var renewed: [String] = try pki.prepare(plan, now: now).filter { $0.outcome == .renewed }.map(\.path)
    #expect(renewed == [store.certificate])

    var moved: FederationPlan = plan
    moved.hosts[0].addresses = ["10.77.1.9"]
    renewed = try pki.prepare(moved, now: now).filter { $0.outcome == .renewed }.map(\.path)
    #expect(renewed.count == PKIDaemon.allCases.count && renewed.allSatisfy { $0.contains("/prod-1/") })

    let due = WallTime(secondsSince1970: now.secondsSince1970 + 244 * 86_400)
    let outcomes: [FederationPKI.Entry] = try pki.prepare(moved, now: due)
    #expect(outcomes.filter { $0.outcome == .kept }.map(\.path) == [pki.authorityCertificate])
    #expect(try pki.prepare(moved, now: due).allSatisfy { $0.outcome == .kept })
    #expect(try pki.prepare(moved, now: due, force: true).filter { $0.outcome == .renewed }.count == 18)
  }

  @Test func renewalIsDueAtTwoThirdsOfLife() throws {
    let authority = try CertificateAuthority.create(commonName: "ca", lifetime: .seconds(900), now: now)
    let life: Int64 = authority.certificate.notAfter.secondsSince1970 - authority.certificate.notBefore.secondsSince1970
    let start: Int64 = authority.certificate.notBefore.secondsSince1970
    #expect(!authority.certificate.needsRenewal(at: WallTime(secondsSince1970: start + life * 2 / 3 - 1)))
    #expect(authority.certificate.needsRenewal(at: WallTime(secondsSince1970: start + life * 2 / 3)))
    // A leaf does not outlive its authority.
    let leaf: TLSIdentity = try authority.issue(LeafDescription(commonName: "leaf"), now: now)
    #expect(leaf.certificate.notAfter == authority.certificate.notAfter)
  }

  @Test func aKeyThatOthersMayReadIsRefused() throws {
    let authorities = try Authorities()
    let (certificate, key) = (directory.file("a.pem"), directory.file("a.key"))
    try authorities.server().write(certificateFile: certificate, keyFile: key)
    chmod(key, 0o640)
    do {
      _ = try TLSIdentity(certificateFile: certificate, keyFile: key)
      Issue.record("a readable key was taken")
    } catch let error as TLSError {
      #expect(error.code == .keyPermissions)
      #expect(error.message.contains("chmod 600 \(key)"))
    }
    #expect(throws: TLSError(.badFile, "")) { try TLSIdentity(certificateFile: directory.file("none"), keyFile: key) }
    chmod(key, 0o600)
    try authorities.client().write(certificateFile: certificate, keyFile: directory.file("b.key"))
    #expect(throws: TLSError(.badCertificate, "")) { try TLSIdentity(certificateFile: certificate, keyFile: key) }
  }

  @Test func namesThatWouldBreakACertificateAreRefused() throws {
    let authority: CertificateAuthority = try Authorities().ours
    var leaf = LeafDescription(commonName: "x")
    leaf.dnsNames = ["a,DNS:b"]
    #expect(throws: TLSError(.badCertificate, "")) { try authority.issue(leaf, now: now) }
    leaf.dnsNames = []
    leaf.addresses = ["300.1.1.1"]
    #expect(throws: TLSError(.badCertificate, "")) { try authority.issue(leaf, now: now) }
    #expect(throws: TLSError(.badCertificate, "")) { try authority.issue(LeafDescription(commonName: ""), now: now) }
    #expect(throws: TLSError(.badCertificate, "")) {
      try authority.issue(LeafDescription(commonName: String(repeating: "x", count: 65)), now: now)
    }
    // A comma in a common name stays inside it.
    #expect(try authority.issue(LeafDescription(commonName: "a, O=system:masters"), now: now).certificate.organizations == [])
    var bad: FederationPlan = plan
    bad.hosts[0].name = "../escape"
    #expect(throws: TLSError(.badCertificate, "")) { try FederationPKI(directory: directory.path).prepare(bad, now: now) }
  }

  @Test func opensslAcceptsWhatWeIssue() async throws {
    let pki = FederationPKI(directory: directory.path)
    _ = try pki.prepare(plan, now: now)
    let store = pki.files(center: "production", host: "prod-1", daemon: .store).certificate
    for purpose in ["sslserver", "sslclient"] {
      try await Command("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", pki.authorityCertificate, store).run()
    }
    let text: String = try await Command("openssl", "x509", "-in", store, "-noout", "-text").run()
    #expect(text.contains("URI:tricenter://bank/center/production/host/prod-1/daemon/store"))
    #expect(text.contains("IP Address:10.77.1.1"))
    #expect(text.contains("TLS Web Server Authentication") || text.contains("TLS Web Client Authentication"))
  }

  @Test func uriFormsOfOthersAreNotOurs() {
    #expect(IdentityURI("tricenter://bank/center/a/host/b/daemon/store")?.host == "b")
    for text in [
      "", "spiffe://bank/center/a/host/b/daemon/store", "tricenter://bank/center/a/host/b/daemon/", "tricenter://bank/center/a/host/b",
      "tricenter://bank/center/a/host/b/daemon/store/x", "tricenter://bank/center/../host/b/daemon/store",
      "tricenter://bank/host/a/center/b/daemon/store", "tricenter://bank/center/a\0/host/b/daemon/store",
    ] { #expect(IdentityURI(text) == nil, "\(text)") }
  }
}

extension PKITests {
  @Test func aPersonGetsACertificateOfTheirOwnAndAKubeconfig() throws {
    let pki = FederationPKI(directory: directory.file("persons"))
    _ = try pki.prepare(plan, now: now)
    let made: FederationPKI.Entry = try pki.prepare(person: "mei", groups: ["drills", "readers"], lifetime: .seconds(86_400), now: now)
    #expect(made.outcome == .created)
    #expect(try pki.prepare(person: "mei", groups: ["drills", "readers"], lifetime: .seconds(86_400), now: now).outcome == .kept)
    let files = pki.files(person: "mei")
    let identity = try TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
    #expect(identity.certificate.commonName == "mei")
    #expect(identity.certificate.organizations.sorted() == ["drills", "readers"])
    #expect(identity.certificate.identity.process == nil)
    #expect(directory.mode("persons/people/mei.key") == 0o600)
    #expect(try pki.kubeconfig(cluster: "bank", server: "https://10.77.1.1:6443", person: "mei").contains("mei"))
    for name in ["", "../ca", "a b", "admin", "tricenter-admin", String(repeating: "x", count: 65)] {
      #expect(throws: TLSError.self, "\(name)") {
        try pki.prepare(person: name, groups: [], lifetime: .seconds(86_400), now: now)
      }
    }
  }
}
