import Glibc
import Primitives
import Testing

extension LabSuite {
  /// What every listener of the running lab agrees to speak, as openssl sees it. kubectl and etcdctl, which are Go, speak to the same
  /// listeners in the suites beside this one.
  @Suite("TLS of every listener", .serialized, .enabled(if: Client.openssl, "openssl is not installed")) struct ListenerTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    private func openssl(_ address: String, _ identity: String, _ more: String...) async throws -> Said {
      let host: Substring = address.prefix { $0 != ":" }
      let words: [String] = [
        "openssl", "s_client", "-connect", address, "-CAfile", "\(lab.pki)/ca.pem", "-verify_return_error", "-verify_ip", String(host),
        "-cert", "\(lab.pki)/\(identity).pem", "-key", "\(lab.pki)/\(identity).key", "-alpn",
        address.hasSuffix(":2380") ? "tricenter-link/1" : "h2",
      ]
      // The end of its input ends it.
      return try await lab.machine.run(words + more, on: "branch", timeout: .seconds(30))
    }

    @Test("is 1.3, mutual, by the federation's authority, and nothing older") func version() async throws {
      for host in TestLab.hosts {
        for port in GarbageTests.secure {
          let address = "\(TestLab.address[host] ?? ""):\(port)"
          let identity: String = port == 2_380 ? "production/prod-2/store" : "people/admin"
          let said: Said = try await openssl(address, identity)
          #expect(said.output.contains("New, TLSv1.3, Cipher is TLS_"), "\(address): \(said)")
          #expect(said.output.contains("Verification: OK"), "\(address): \(said)")
          #expect(said.output.contains("ALPN protocol: \(port == 2_380 ? "tricenter-link/1" : "h2")"), "\(address): \(said)")
          let old: Said = try await openssl(address, identity, "-tls1_2")
          #expect(old.status != 0 && old.output.contains("Cipher is (NONE)"), "\(address) speaks TLS 1.2: \(old)")
        }
      }
    }

    @Test("changes its certificate without a restart when it is renewed") func renewal() async throws {
      @Sendable func fingerprints() async throws -> [String: String] {
        var found: [String: String] = [:]
        for host in ["prod-1", "rdr-1"] {
          for port in [2_379, 6_443, 10_250] {
            let address = "\(TestLab.address[host] ?? ""):\(port)"
            let said: Said = try await openssl(address, "people/admin", "-showcerts")
            let start: Range<String.Index> = try #require(said.output.ranges(of: "-----BEGIN CERTIFICATE-----").first, "\(said)")
            let end: Range<String.Index> = try #require(said.output.ranges(of: "-----END CERTIFICATE-----").first)
            found[address] = String(said.output[start.lowerBound..<end.upperBound])
          }
        }
        return found
      }
      let lab: TestLab = lab
      let pids: [pid_t?] = ["prod-1", "rdr-1"].flatMap { [lab.daemon("center", $0), lab.daemon("node", $0)] }
      let before: [String: String] = try await fingerprints()
      try await lab.tricenter("pki", "renew", "--all", "--site", "\(lab.directory)/site.yaml", "--directory", lab.pki).passed()
      try await eventually("every listener shows its new certificate") {
        let now: [String: String] = try await fingerprints()
        return before.allSatisfy { now[$0.key] != nil && now[$0.key] != $0.value }
      }
      #expect(["prod-1", "rdr-1"].flatMap { [lab.daemon("center", $0), lab.daemon("node", $0)] } == pids)
      // The kubeconfig from before holds a certificate that is still good.
      if Client.kubectl { try await lab.kubectl("get nodes").passed() }
      // A second `up` finds nothing to renew: both make the same certificates from the same site.
      let again: Said = try await lab.tricenter("pki", "renew", "--site", "\(lab.directory)/site.yaml", "--directory", lab.pki).passed()
      #expect(again.output.contains("43 kept"), "\(again)")
      try await lab.up().passed()
      let third: Said = try await lab.tricenter("pki", "renew", "--site", "\(lab.directory)/site.yaml", "--directory", lab.pki).passed()
      #expect(third.output.contains("43 kept"), "\(third)")
    }
  }
}
