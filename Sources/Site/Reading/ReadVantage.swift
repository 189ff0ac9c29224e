import Primitives
import Yams

func readVantage(_ node: Node, _ path: String, _ places: inout SitePlaces, _ problems: ProblemCollector) -> VantagePlan? {
  guard var fields = Fields(node, path: path, problems) else { return nil }
  let name: String? = fields.value("name", expected: nameRule, nameIfValid)
  let cluster: String? = fields.string("cluster")
  let list: [(path: String, node: Node)] = fields.list("probes")
  var probes: [VantagePlan.Probe] = []
  for (path, node) in list {
    guard var probe = Fields(node, path: path, problems) else { continue }
    let center: String? = probe.string("center")
    let url: String? = probe.value("url", expected: "http://HOST:PORT/PATH or https://HOST:PORT/PATH", webAddress)
    probe.finish()
    guard let center, let url else { continue }
    places["vantage \(name ?? "") center \(center)"] = probe.place(of: "center")
    probes.append(VantagePlan.Probe(center: CenterName(center), url: url))
  }
  fields.finish()
  guard let name, let cluster else { return nil }
  if list.isEmpty { problems.add(fields.place, "vantage \(name) has no probe: it would see nothing") }
  places["vantage \(name)"] = fields.place(of: "name")
  places["vantage \(name) cluster"] = fields.place(of: "cluster")
  return VantagePlan(name: name, cluster: cluster, probes: probes)
}

/// With a port: where nobody says it, nobody looks it up.
private func webAddress(_ text: String) -> String? {
  for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
    let rest: Substring = text.dropFirst(scheme.count)
    let authority: Substring = rest.prefix { $0 != "/" }
    guard let colon: Substring.Index = authority.lastIndex(of: ":"), colon != authority.startIndex,
      let port = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(port),
      text.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
    else { return nil }
    return text
  }
  return nil
}

/// Who votes under which name must be clear, and every center that is probed must be one.
func checkVantages(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  var seen: Set<String> = Set(site.hosts.map(\.name.value))
  for vantage in site.vantages {
    let name = "vantage \(vantage.name)"
    if !seen.insert(vantage.name).inserted {
      problems.add(places[name], "\(name) has the name of a host or of another vantage: both would write one report")
    }
    if !site.clusters.contains(where: { $0.name == vantage.cluster }) {
      problems.add(places["\(name) cluster"], "\(name) looks at \(vantage.cluster), and no cluster is called so")
    }
    for probe in vantage.probes where site.center(probe.center) == nil {
      problems.add(places["\(name) center \(probe.center)"], "no center is called \(probe.center)")
    }
  }
}
