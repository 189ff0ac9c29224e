import Primitives
import Site
import TLS

/// Faults that nobody knows beforehand, drawn from a seed: the same seed and site, the same faults. What is drawn together leaves the store
/// its majority: one fault that takes a host or a line away, the others only make something worse, each on something else.
enum FaultDraw {
  /// One that takes away, and one of each that makes worse.
  static func most(_ site: Site) -> Int { 1 + worse(site).count }

  static func faults(seed: String, count: Int, lease: Duration, site: Site) -> [FaultSpec] {
    var random = SeededRandom(seed: number(seed))
    var drawn: [FaultSpec] = []
    func pick(_ all: [FaultSpec]) -> FaultSpec? { all.isEmpty ? nil : all[Int(random.next() % UInt64(all.count))] }
    if let first: FaultSpec = pick(takesAway(site)) { drawn.append(first) }
    var rest: [[FaultSpec]] = worse(site)
    while drawn.count < count, !rest.isEmpty {
      let kind: [FaultSpec] = rest.remove(at: Int(random.next() % UInt64(rest.count)))
      // Two faults on one host or line hide each other.
      let free: [FaultSpec] = kind.filter { fault in !drawn.contains { meets($0, fault, site) } }
      if let next: FaultSpec = pick(free) { drawn.append(next) }
    }
    return drawn.map { fault in
      var fault: FaultSpec = fault
      fault.lease = lease
      return fault
    }
  }

  private static func number(_ seed: String) -> UInt64 {
    SHA256.hexadecimal(Bytes(seed)).prefix(16).reduce(UInt64(0)) { $0 << 4 | UInt64($1.hexDigitValue ?? 0) }
  }

  private static func meets(_ one: FaultSpec, _ other: FaultSpec, _ site: Site) -> Bool {
    switch (one.target, other.target) {
    case (.line(let a, let b, _), .line(let c, let d, _)): Set([a, b]) == Set([c, d])
    case (.line, _), (_, .line): false
    default: !Set(one.hosts(site)).isDisjoint(with: other.hosts(site))
    }
  }

  private static func lines(_ site: Site) -> [(String, String)] {
    site.links.filter { link in link.between.allSatisfy { site.center($0) != nil } }.map { ($0.between[0].value, $0.between[1].value) }
  }

  private static func takesAway(_ site: Site) -> [FaultSpec] {
    func spec(_ kind: FaultSpec.Kind, _ target: FaultSpec.Target, _ parameters: [String: String] = [:]) -> FaultSpec {
      FaultSpec(kind, target, parameters, lease: .zero)
    }
    let ofHosts: [FaultSpec] = site.hosts.flatMap { host in
      [
        spec(.killProcess, .hosts([host.name]), ["daemon": "center"]), spec(.freezeProcess, .hosts([host.name]), ["daemon": "center"]),
        spec(.powerOff, .hosts([host.name])), spec(.freezeHost, .hosts([host.name])),
      ]
    }
    let ofLines: [FaultSpec] = lines(site).flatMap { from, to in
      [
        spec(.cutLink, .line(from, to, oneWay: false)), spec(.cutLink, .line(from, to, oneWay: true)),
        spec(.cutLink, .line(to, from, oneWay: true)), spec(.flapLink, .line(from, to, oneWay: false), ["every": "1s"]),
      ]
    }
    return ofHosts + ofLines
  }

  /// By kind.
  private static func worse(_ site: Site) -> [[FaultSpec]] {
    let hosts: [FaultSpec.Target] = site.hosts.map { .hosts([$0.name]) }
    let lines: [FaultSpec.Target] = lines(site).map { .line($0, $1, oneWay: false) }
    func all(_ kind: FaultSpec.Kind, _ targets: [FaultSpec.Target], _ parameters: [String: String]) -> [FaultSpec] {
      targets.map { FaultSpec(kind, $0, parameters, lease: .zero) }
    }
    return [
      all(.degradeLink, lines, ["delay": "40ms", "loss": "1%"]), all(.apiLatency, lines, ["delay": "100ms"]),
      all(.dnsSilent, hosts, [:]), all(.nodeNotReady, hosts, [:]), all(.certificateExpired, hosts, ["daemon": "apiserver"]),
    ].filter { !$0.isEmpty }
  }
}
