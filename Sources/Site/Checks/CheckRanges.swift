import Primitives

/// Ranges that nobody may be numbered from, and ranges that overlap although different things route to them.
func checkRanges(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  var ranges: [(what: String, range: IPRange, place: Place)] = []
  for center in site.centers {
    ranges.append(("\(center.name)'s network", center.network, places["center \(center.name) network"]))
    for host in center.hosts {
      ranges.append(("the pods of \(host.name)", host.pods, places["host \(host.name) pods"]))
    }
  }
  for cluster in site.clusters {
    ranges.append(("the services of \(cluster.name)", cluster.services, places["cluster \(cluster.name) services"]))
  }
  if let branch: LabPlan.Branch = site.lab?.branch {
    ranges.append(("the network of \(branch.name)", branch.network, places["lab branch network"]))
    if !branch.network.contains(branch.address) {
      problems.add(places["lab branch address"], "\(branch.name) has the address \(branch.address), outside its network \(branch.network)")
    }
  }
  let loopback: Bool = site.lab?.loopback ?? false
  for (what, range, place) in ranges {
    if range.first.family == .v6 {
      problems.add(place, "\(range) for \(what) is IPv6: hosts, pods and Services of a federation have IPv4 addresses")
      continue
    }
    let (category, block) = range.classified
    if category.isAssignable || (loopback && category == .loopback) { continue }
    let name: String = block.map { ": \($0.range) is \($0.name)" } ?? ""
    problems.add(place, "\(range) for \(what) is not address space that can be given out (\(category.rawValue))\(name)")
  }
  for (index, later) in ranges.enumerated() {
    for earlier in ranges[..<index] where earlier.range.overlaps(later.range) {
      // All loopback hosts of the fallback share 127.0.0.0/8 by nature; their networks still must not be the same.
      problems.add(later.place, "\(later.range) for \(later.what) overlaps \(earlier.range) for \(earlier.what)")
    }
  }
  for center in site.centers {
    for host in center.hosts where host.pods.size < 16 {
      problems.add(places["host \(host.name) pods"], "\(host.pods) has fewer than 16 addresses, too few for the pods of \(host.name)")
    }
    for host in center.hosts where host.address == center.network.first || host.address == center.network.last {
      problems.add(
        places["host \(host.name) address"], "\(host.address) is the network's own or broadcast address in \(center.network)")
    }
  }
  for cluster in site.clusters where cluster.services.size < 256 {
    problems.add(places["cluster \(cluster.name) services"], "\(cluster.services) has fewer than 256 addresses, too few for Services")
  }
}
