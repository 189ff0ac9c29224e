import Federation
import Primitives
import Store
import TLS

extension HostSetting {
  /// What this host tells of itself in its Vantage.
  func reports(_ store: Store?) -> HostReports {
    let (setting, port, name): (HostSetting, Int, String) = (self, site.ports.dns, "kubernetes.default.svc.\(cluster.domain)")
    var reports = HostReports()
    reports.certificates = { setting.certificateLives }
    reports.dns = { await OwnNameServer.ask(setting.address, port: port, name: name) }
    guard let store else { return reports }
    reports.store = { store.status }
    reports.regrow = { center in
      guard store.shrinks.contains(where: { $0.center == center.value }) else { return }
      try await store.regrow(center: center)
    }
    return reports
  }

  /// One that cannot be read is no certificate that is good for long: it counts as over.
  private var certificateLives: [HostReports.Certificate] {
    PKIDaemon.allCases.map { daemon in
      let file: String = pki.files(center: center.name, host: host.name, daemon: daemon).certificate
      let end: WallTime? = (try? SecretFile.read(file)).flatMap { try? Certificate.all(pem: $0).first?.notAfter }
      return HostReports.Certificate(name: daemon.rawValue, notAfter: end ?? WallTime(secondsSince1970: 0))
    }
  }
}
