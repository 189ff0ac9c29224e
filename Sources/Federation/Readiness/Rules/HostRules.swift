import KubeModel
import Primitives

extension ReadinessRule {
  /// Hosts of the center whose report is there, with what they say.
  private static func fresh(_ facts: ReadinessFacts, _ subject: Subject) -> [(host: HostName, vantage: HeardVantage)] {
    (facts.hosts[subject.center] ?? []).compactMap { host in
      facts.vantage(of: host).flatMap { $0.isFresh ? (host, $0) : nil }
    }
  }

  static let names = ReadinessRule(name: "dns", purpose: "the center's name servers answer") { facts, subject in
    fresh(facts, subject).compactMap { host, vantage in
      guard vantage.spec["dns"]["answered"].bool == false else { return nil }
      return Finding(
        rule: "dns", weight: subject.calmWeight, center: subject.center, object: "Host/\(host)",
        measured: vantage.spec["dns"]["detail"].string ?? "no answer", limit: "an answer for the kubernetes Service",
        cure: "look at the name server on \(host): dig @ADDRESS kubernetes.default.svc.cluster.local")
    }
  }

  static let certificates = ReadinessRule(name: "certificates", purpose: "the certificates of the center's daemons are good for a while") {
    facts, subject in
    fresh(facts, subject).flatMap { host, vantage in
      vantage.spec["certificates"].array.compactMap { certificate -> Finding? in
        guard let end: WallTime = certificate["notAfter"].string.flatMap({ WallTime(rfc3339: $0) }) else { return nil }
        let left: Int64 = end.secondsSince1970 - facts.now.secondsSince1970
        guard left < ReadinessLimits.certificateWarning else { return nil }
        let isOver: Bool = left < ReadinessLimits.certificateBlocking
        return Finding(
          rule: "certificates", weight: isOver ? subject.calmWeight : .warning, center: subject.center, object: "Host/\(host)",
          measured: "the certificate of \(certificate["name"].string ?? "?") \(left < 0 ? "ended" : "ends") \(end.rfc3339)",
          limit: "\((isOver ? ReadinessLimits.certificateBlocking : ReadinessLimits.certificateWarning) / 86_400) days more",
          cure: "tricenter pki renew makes new ones; daemons take them up without a restart")
      }
    }
  }

  static let reports = ReadinessRule(name: "report", purpose: "every host of the center reports what it sees") { facts, subject in
    (facts.hosts[subject.center] ?? []).compactMap { host in
      let vantage: HeardVantage? = facts.vantage(of: host)
      guard vantage?.isFresh != true else { return nil }
      return Finding(
        rule: "report", weight: .warning, center: subject.center, object: "Vantage/\(host)",
        measured: vantage.map { "no report for \($0.heardAgo.components.seconds) s" } ?? "no report",
        limit: "one every \(VantageLimits.reportEvery.components.seconds) s",
        cure: "look at the federation daemon on \(host): its certificates, name server and store member are not known")
    }
  }

  static let drill = ReadinessRule(name: "drill", purpose: "a drill has passed lately") { facts, subject in
    let passed: [(name: String, end: WallTime)] = facts.drills.compactMap { drill in
      guard drill.status["verdict"].string == "passed", let end = drill.status["finishedAt"].string.flatMap({ WallTime(rfc3339: $0) })
      else {
        return nil
      }
      return (drill.name, end)
    }
    let last = passed.max { $0.end < $1.end }
    let age: Int64? = last.map { facts.now.secondsSince1970 - $0.end.secondsSince1970 }
    if let age, age <= ReadinessLimits.drillAge { return [] }
    return [
      Finding(
        rule: "drill", weight: .warning, center: subject.center, object: last.map { "Drill/\($0.name)" } ?? "Cluster/\(facts.cluster)",
        measured: age.map { "the last drill that passed is \($0 / 86_400) days old" } ?? "no drill has passed yet",
        limit: "one within \(ReadinessLimits.drillAge / 86_400) days", cure: "tricenter drill run RUNBOOK")
    ]
  }
}
