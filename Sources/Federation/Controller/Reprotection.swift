import KubeClient
import KubeModel
import Logging
import Primitives

/// Making a center that came back a full standby: the active center gives it its votes back, and looks until nothing is missing there.
extension FederationController {
  func reprotect(_ record: ActivationRecord) async throws {
    for failover in failovers.cache.all {
      guard let request = FailoverRequest(failover), request.verb == .reprotect, request.cluster == record.cluster, !request.isDryRun,
        let center: CenterName = request.to
      else { continue }
      let hasBegun: Bool = request.phase == "Activating"
      guard hasBegun || request.isOpen && request.acceptedEpoch == record.epoch, hasRead else { continue }
      var changed: KubeObject = failover
      let (now, stamp): (WallTime, String) = (clock.wall(), clock.wall().rfc3339Micro)
      if !hasBegun {
        (changed.json["status"]["phase"], changed.json["status"]["startedAt"]) = ("Activating", .string(stamp))
        (changed.json["status"]["from"], changed.json["status"]["to"]) = (.string(record.center.value), .string(center.value))
        let regrown: String = await regrow(center)
        FailoverStatus.add("Begun", regrown, center: configuration.center, in: &changed.json["status"], stamp)
      }
      let findings: [Finding] = FailoverVerdict.weighed(ReadinessRules.findings(facts(record), .init(center, verb: .reprotect)), request)
      let before: [Finding] = failover.status["blocking"].array.map { Finding($0) }
      let age: Int64 = request.startedAt.map { now.secondsSince1970 - $0.secondsSince1970 } ?? 0
      if findings.blocking.isEmpty {
        end(&changed, "Completed", "\(center) is a full standby again.", findings, stamp)
      } else if age >= FederationLimits.reprotectSeconds {
        end(
          &changed, "Failed",
          "\(center) is no full standby after \(age) s: " + findings.blocking.map(\.sentence).joined(separator: "; ") + ".",
          findings, stamp)
      } else if hasBegun, before.blocking.isAlike(findings.blocking) {
        continue
      } else {
        FailoverStatus.tell(findings, in: &changed.json["status"])
      }
      do {
        _ = try await client.update(.failovers, changed, subresource: "status")
      } catch let error as KubeError where error.code == .conflict || error.code == .notFound {
        // Another host was first, or it was deleted.
      }
    }
  }

  private func end(_ failover: inout KubeObject, _ phase: String, _ message: String, _ findings: [Finding], _ stamp: String) {
    var status: JSONValue = failover.status
    (status["phase"], status["message"], status["finishedAt"]) = (.string(phase), .string(message), .string(stamp))
    status["blocking"] = findings.isEmpty ? .null : findings.json
    FailoverStatus.set("Completed", phase == "Completed", phase, message, in: &status, stamp)
    FailoverStatus.add(phase, message, center: configuration.center, in: &status, stamp)
    failover.status = status
  }

  private func regrow(_ center: CenterName) async -> String {
    guard let regrow = configuration.reports.regrow else { return "the store is another process: its votes are left as they are" }
    do {
      try await regrow(center)
      return "its store members get their votes back as soon as they have caught up"
    } catch {
      return "its votes in the store are left as they are: \(error)"
    }
  }
}
