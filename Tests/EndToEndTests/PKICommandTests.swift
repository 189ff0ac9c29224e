import Glibc
import KubeModel
import Primitives
import Processes
import Testing

/// `tricenter pki …` as an operator uses it, with openssl as the judge.
@Suite("tricenter pki", .enabled(if: Client.openssl, "openssl is not installed")) struct PKICommandTests {
  static let hosts: [(center: String, host: String, address: String)] = [
    ("production", "prod-1", "10.71.0.11"), ("production", "prod-2", "10.71.0.12"), ("local-dr", "ldr-1", "10.72.0.11"),
    ("local-dr", "ldr-2", "10.72.0.12"), ("remote-dr", "rdr-1", "10.73.0.11"),
  ]
  static let daemons: [String] = ["store", "apiserver", "controller-manager", "scheduler", "federation", "dns", "proxy", "kubelet"]

  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder: String = try temporaryFolder()
    do { try await body(folder) } catch { Issue.record(error) }
    try await Command("rm", "-rf", folder).run()
  }
  private func run(_ words: String...) async throws -> Said { Said(words, try await Command.plain(words)) }
  private func pki(_ words: String...) async throws -> Said { Said(words, try await Command.plain([Program.path, "pki"] + words)) }
  private func certificate(_ path: String, _ flags: String...) async throws -> String {
    try await Command(["openssl", "x509", "-noout", "-in", path] + flags).run()
  }

  @Test("makes a certificate per center, host and daemon, named by URI, with keys that are their owner's alone") func initial() async throws
  {
    try await withFolder { folder in
      let made: Said = try await pki("init", "--site", Program.siteFile, "--directory", "\(folder)/pki").passed()
      #expect(made.output.contains("43 certificates of federation lab, 0 kept"), "\(made)")
      let authority = "\(folder)/pki/ca.pem"
      #expect(mode("\(folder)/pki") == 0o700 && mode("\(folder)/pki/ca.key") == 0o600 && mode(authority) == 0o644)
      #expect(try await certificate(authority, "-ext", "basicConstraints,keyUsage").contains("CA:TRUE, pathlen:0"))
      var serials: Set<String> = []
      for (center, host, address) in Self.hosts {
        for daemon in Self.daemons {
          let stem = "\(folder)/pki/\(center)/\(host)/\(daemon)"
          #expect(mode("\(stem).key") == 0o600 && mode("\(stem).pem") == 0o644)
          let verified: Said = try await run(
            "openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority, "\(stem).pem")
          #expect(verified.status == 0, "\(verified)")
          let names: String = try await certificate("\(stem).pem", "-serial", "-ext", "subjectAltName,extendedKeyUsage")
          #expect(names.contains("URI:tricenter://lab/center/\(center)/host/\(host)/daemon/\(daemon)"), "\(names)")
          #expect(names.contains("IP Address:\(address)") && names.contains("DNS:\(host)"), "\(names)")
          #expect(names.contains("TLS Web Server Authentication") && names.contains("TLS Web Client Authentication"))
          serials.insert(names.split(separator: "\n").first { $0.hasPrefix("serial=") }.map(String.init) ?? "none")
        }
      }
      #expect(serials.count == 40)
      #expect(
        try await certificate("\(folder)/pki/production/prod-1/kubelet.pem", "-subject").contains(
          "O = system:nodes, CN = system:node:prod-1"))
      #expect(try await certificate("\(folder)/pki/people/admin.pem", "-subject").contains("O = system:masters"))
      let person: Said = try await run("openssl", "verify", "-purpose", "sslclient", "-CAfile", authority, "\(folder)/pki/people/admin.pem")
      #expect(person.status == 0)
      #expect(
        try await run("openssl", "verify", "-purpose", "sslserver", "-CAfile", authority, "\(folder)/pki/people/admin.pem").status != 0)
      let key: Said = try await run("openssl", "pkey", "-in", "\(folder)/pki/ca.key", "-noout", "-text")
      #expect(key.status == 0)
    }
  }

  @Test("keeps what is good, renews what is due, and shows what is wrong") func renewal() async throws {
    try await withFolder { folder in
      let directory = "\(folder)/pki"
      try await pki("init", "--site", Program.siteFile, "--directory", directory).passed()
      #expect(try await pki("init", "--site", Program.siteFile, "--directory", directory).passed().output.contains("43 kept"))
      #expect(try await pki("show", "--directory", directory).passed().output.split(separator: "\n").count == 43)
      let store = "\(directory)/production/prod-1/store"
      func serial(_ path: String) async throws -> String { try await certificate(path, "-serial") }
      let old: String = try await serial("\(store).pem")

      // A certificate that the authority did not sign, a key that is gone: these two, and nothing else, are made anew.
      try await Command("cp", "\(directory)/people/admin.pem", "\(directory)/remote-dr/rdr-1/dns.pem").run()
      unlink("\(store).key")
      let shown: Said = try await pki("show", "--directory", directory)
      #expect(shown.status == 1 && shown.output.split(separator: "\n").count { !$0.hasSuffix("good") } == 2, "\(shown)")
      let renewed: Said = try await pki("renew", "--site", Program.siteFile, "--directory", directory).passed()
      #expect(renewed.output.contains("41 kept") && renewed.output.components(of: "renewed ") == 2, "\(renewed)")
      #expect(try await serial("\(store).pem") != old)
      #expect(mode("\(store).key") == 0o600)
      try await pki("show", "--directory", directory).passed()

      // A key that others can read is not used, and said to be so.
      chmod("\(store).key", 0o644)
      let open: Said = try await pki("renew", "--site", Program.siteFile, "--directory", directory)
      #expect(open.status == 1 && open.errors.contains("\(store).key"), "\(open)")
      chmod("\(store).key", 0o600)

      let all: Said = try await pki("renew", "--all", "--site", Program.siteFile, "--directory", directory, "--output", "json").passed()
      let entries: [JSONValue] = try JSONValue.parse(all.output)["certificates"].array
      #expect(entries.count == 43 && entries.count { $0["outcome"].string == "renewed" } == 42)
      let verified: Said = try await run("openssl", "verify", "-CAfile", "\(directory)/ca.pem", "\(store).pem")
      #expect(verified.status == 0)

      // A host that moves gets a certificate for its new address.
      let moved = "\(folder)/site.yaml"
      try writeFile(readFile(Program.siteFile).replacing("address: 10.73.0.11", with: "address: 10.73.0.99"), to: moved)
      let change: Said = try await pki("renew", "--site", moved, "--directory", directory).passed()
      #expect(change.output.contains("35 kept"), "\(change)")
      #expect(try await certificate("\(directory)/remote-dr/rdr-1/store.pem", "-ext", "subjectAltName").contains("10.73.0.99"))
    }
  }

  @Test("writes kubeconfigs for people") func kubeconfig() async throws {
    try await withFolder { folder in
      try await pki("init", "--site", Program.siteFile, "--directory", "\(folder)/pki").passed()
      let file = "\(folder)/config"
      try await pki(
        "kubeconfig", "--directory", "\(folder)/pki", "--cluster", "bank", "--server", "https://10.71.0.11:6443", "--file", file
      ).passed()
      #expect(mode(file) == 0o600)
      let text: String = readFile(file)
      #expect(text.contains("server: https://10.71.0.11:6443") || text.contains("server: \"https://10.71.0.11:6443\""))
      #expect(text.contains("client-certificate-data") && text.contains("client-key-data") && text.contains("certificate-authority-data"))
      if Client.kubectl {
        let view: Said = try await run(
          "kubectl", "--kubeconfig", file, "config", "view", "-o", "jsonpath={.clusters[0].cluster.server} {.current-context}")
        #expect(view.status == 0 && view.output.hasPrefix("https://10.71.0.11:6443 "), "\(view)")
      }
      let nobody: Said = try await pki(
        "kubeconfig", "--directory", "\(folder)/pki", "--cluster", "bank", "--server", "https://10.71.0.11:6443", "--person", "nobody")
      #expect(nobody.status == 1 && nobody.errors.contains("people/nobody"), "\(nobody)")
    }
  }

  @Test("refuses a site file with line and reason, and a folder that it cannot write") func refusals() async throws {
    try await withFolder { folder in
      try writeFile("federation: x\n", to: "\(folder)/bad.yaml")
      let bad: Said = try await pki("init", "--site", "\(folder)/bad.yaml", "--directory", "\(folder)/pki")
      #expect(bad.status == 2 && bad.errors.contains("\(folder)/bad.yaml:1"), "\(bad)")
      #expect(mode("\(folder)/pki") == nil)
      try writeFile("", to: "\(folder)/file")
      let blocked: Said = try await pki("init", "--site", Program.siteFile, "--directory", "\(folder)/file/pki")
      #expect(blocked.status != 0 && blocked.errors.contains("\(folder)/file"), "\(blocked)")
    }
  }
}
