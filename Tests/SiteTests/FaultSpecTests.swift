import Primitives
import Testing

@testable import Site

@Suite struct FaultSpecTests {
  static let file: String = #filePath.replacing("/Tests/SiteTests/FaultSpecTests.swift", with: "/sites/lab/site.yaml")

  @Test func everyKindHasAFormThatCanBeTried() throws {
    let site: Site = try SiteReader.read(path: Self.file)
    let line: FaultSpec.Target = .line("production", "local-dr", oneWay: false)
    let one: FaultSpec.Target = .hosts(["ldr-1"])
    let forms: [(FaultSpec.Kind, FaultSpec.Target, [String: String])] = [
      (.killProcess, one, ["daemon": "center"]), (.freezeProcess, one, ["daemon": "node"]), (.freezeHost, .center("production"), [:]),
      (.powerOff, .hosts(["prod-1", "rdr-1"]), [:]), (.cutLink, .line("branch", "remote-dr", oneWay: true), [:]),
      (.degradeLink, line, ["delay": "20ms", "loss": "2%", "bandwidth": "1000000"]), (.fullDisk, one, [:]), (.failingDisk, one, [:]),
      (.flapLink, line, ["every": "1s"]), (.slowDisk, one, ["stall": "250ms", "every": "1s"]),
      (.clockJump, one, ["daemon": "center", "seconds": "-3600"]),
      (.certificateExpired, one, ["daemon": "apiserver"]), (.dnsSilent, one, [:]), (.apiLatency, line, ["delay": "200ms"]),
      (.nodeNotReady, one, [:]), (.imageMissing, one, ["image": "tricenter.local/web:1"]), (.capacityShort, .center("local-dr"), [:]),
    ]
    #expect(Set(forms.map(\.0)) == Set(FaultSpec.Kind.allCases))
    for (kind, target, parameters) in forms {
      #expect(FaultSpec(kind, target, parameters, lease: .seconds(5)).problems(site) == [])
      #expect(FaultSpec.Target(target.description, site: site) == target)
    }
  }

  @Test func whatCannotBeMeantIsSaidAllAtOnce() throws {
    let site: Site = try SiteReader.read(path: Self.file)
    func problems(
      _ kind: FaultSpec.Kind, _ target: FaultSpec.Target, _ parameters: [String: String] = [:], _ lease: Duration = .seconds(5)
    ) -> [String] {
      FaultSpec(kind, target, parameters, lease: lease).problems(site)
    }
    #expect(
      problems(.killProcess, .hosts(["nobody"]), ["deamon": "center"], .zero) == [
        "no host is called nobody", "kill-process takes no deamon, but daemon", "kill-process needs daemon",
        "a fault lasts 0.1 seconds to 3600.0 seconds without being renewed, not 0.0 seconds",
      ])
    #expect(problems(.cutLink, .center("production")) == ["cut-link is done to a line, such as `production <-> local-dr`"])
    #expect(problems(.cutLink, .line("production", "mars", oneWay: true)).first?.hasPrefix("no place is called mars; there are") == true)
    #expect(problems(.cutLink, .line("production", "production", oneWay: true)) == ["a line has two ends, not production twice"])
    #expect(problems(.fullDisk, .line("production", "local-dr", oneWay: true)).count == 1)
    #expect(problems(.fullDisk, .hosts([])) == ["full-disk names no host"])
    #expect(problems(.capacityShort, .hosts(["ldr-1"])) == ["capacity-short is done to a center"])
    #expect(problems(.capacityShort, .center("remote-dr")) == ["remote-dr has 1 hosts: none can be taken so that one stays"])
    #expect(problems(.degradeLink, .line("production", "local-dr", oneWay: true)).count == 1)
    #expect(problems(.degradeLink, .line("production", "local-dr", oneWay: true), ["loss": "2"]).count == 1)
    #expect(problems(.flapLink, .line("production", "local-dr", oneWay: true), ["every": "1ms"]).count == 1)
    #expect(problems(.killProcess, .hosts(["ldr-1"]), ["daemon": "cron"]).count == 1)
    #expect(problems(.imageMissing, .hosts(["ldr-1"]), ["image": "a b"]).count == 1)
    for text in ["", "mars", "production -> ", "prod-1 mars", "production local-dr"] {
      #expect(FaultSpec.Target(text, site: site) == nil, "\(text)")
    }
  }

  @Test func aCentersHostsAreMetAndOneStaysWhereCapacityRunsShort() throws {
    let site: Site = try SiteReader.read(path: Self.file)
    #expect(FaultSpec(.powerOff, .center("local-dr"), lease: .seconds(1)).hosts(site) == ["ldr-1", "ldr-2"])
    #expect(FaultSpec(.capacityShort, .center("local-dr"), lease: .seconds(1)).hosts(site) == ["ldr-2"])
    #expect(FaultSpec(.capacityShort, .center("local-dr"), ["hosts": "9"], lease: .seconds(1)).hosts(site) == ["ldr-2"])
  }
}
