import Primitives

/// The rules that concern the site as a whole. Each problem names the two things that do not fit.
func checkSite(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  checkCenters(site, places, problems)
  checkNames(site, places, problems)
  checkMajority(site, places, problems)
  checkRanges(site, places, problems)
  checkLinks(site, places, problems)
  checkClusters(site, places, problems)
  checkActivation(site, places, problems)
  checkVantages(site, places, problems)
}

private func checkCenters(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  for role in CenterRole.allCases {
    let holders: [Center] = site.centers.filter { $0.role == role }
    if holders.isEmpty {
      problems.add(places["centers"], "no center has the role \(role.rawValue); two sites and three centers need one of each")
    }
    for extra in holders.dropFirst() {
      problems.add(
        places["center \(extra.name) role"], "\(extra.name) is a second \(role.rawValue); \(holders[0].name) has that role already")
    }
  }
  for center in site.centers {
    if !site.cities.contains(center.city) {
      problems.add(places["center \(center.name) city"], "center \(center.name) lies in \(center.city), which cities does not list")
    }
    if center.hosts.isEmpty {
      problems.add(places["center \(center.name) hosts"], "center \(center.name) has no host")
    } else if !center.hosts.contains(where: \.voter) {
      problems.add(places["center \(center.name) hosts"], "center \(center.name) has no voter: give one of its hosts `voter: true`")
    }
  }
  if let production = site.centers.first(where: { $0.role == .production }) {
    for other in site.centers where other.role == .localDR && other.city != production.city {
      problems.add(
        places["center \(other.name) city"], "local-dr \(other.name) must lie in the city of \(production.name), \(production.city)")
    }
    for other in site.centers where other.role == .remoteDR && other.city == production.city {
      problems.add(
        places["center \(other.name) city"], "remote-dr \(other.name) must lie in another city than \(production.name)")
    }
  }
}

private func checkNames(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  var seen: Set<String> = []
  for center in site.centers where !seen.insert(center.name.value).inserted {
    problems.add(places["center \(center.name)"], "center \(center.name) stands here twice")
  }
  var hosts: [String: String] = [:]
  var addresses: [IPAddress: String] = [:]
  for center in site.centers {
    for host in center.hosts {
      let name: String = host.name.value
      // "tricenter:store:NAME" must fit into a certificate's common name of 64 (RFC 5280, ub-common-name).
      if name.utf8.count > 48 {
        problems.add(places["host \(name)"], "host name \(name) has more than the 48 letters that a certificate holds")
      }
      if hosts.updateValue(center.name.value, forKey: name) != nil {
        problems.add(places["host \(name)"], "host \(name) stands here twice")
      }
      if let other: String = addresses.updateValue(name, forKey: host.address) {
        problems.add(places["host \(name) address"], "host \(name) has the address \(host.address) of host \(other)")
      }
      if !center.network.contains(host.address) {
        problems.add(
          places["host \(name) address"],
          "host \(name) has the address \(host.address), outside \(center.name)'s network \(center.network)")
      }
    }
  }
}

/// Decision 1 of the design: a majority that one center could form alone would acknowledge writes that its loss takes away.
private func checkMajority(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  let voters: Int = site.voters.count
  guard voters > 0 else { return }
  let majority: Int = voters / 2 + 1
  for center in site.centers {
    let own: Int = center.hosts.filter(\.voter).count
    if own >= majority {
      problems.add(
        places["center \(center.name) hosts"],
        "\(center.name) has \(own) of \(voters) voters, a majority of its own: losing it would lose acknowledged writes. "
          + "Every majority must span two centers, as 2-2-1 does")
    }
    if own > 0, voters - own < majority, own < majority {
      problems.add(
        places["center \(center.name) hosts"],
        "without \(center.name) only \(voters - own) of \(voters) voters remain, fewer than the majority of \(majority): "
          + "the federation could not survive its loss")
    }
  }
  if voters % 2 == 0 {
    problems.add(
      places["centers"], "\(voters) voters are an even number: one more would be needed for a majority without surviving more losses")
  }
}

private func checkLinks(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  var seen: Set<Set<CenterName>> = []
  for link in site.links {
    let path = "link \(link.between[0]) \(link.between[1])"
    for end in link.between where site.center(end) == nil && end.value != site.lab?.branch.name.value {
      problems.add(places["\(path) \(end)"], "no center is called \(end)")
    }
    if link.between[0] == link.between[1] {
      problems.add(places["\(path) \(link.between[0])"], "a link joins two different centers")
    } else if !seen.insert(Set(link.between)).inserted {
      problems.add(places["\(path) \(link.between[0])"], "the link \(link.between[0]) - \(link.between[1]) stands here twice")
    }
  }
}

private func checkClusters(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  var names: Set<String> = []
  for extra in site.clusters.dropFirst() {
    problems.add(
      places["cluster \(extra.name)"],
      "cluster \(extra.name) is a second one: the daemons of a federation run one cluster, \(site.clusters[0].name); give it a federation of its own"
    )
  }
  let ports: Ports = site.ports
  let own: [(String, Int)] = [
    ("client", ports.client), ("peer", ports.peer), ("apiserver", ports.apiserver), ("kubelet", ports.kubelet), ("dns", ports.dns),
    ("admin", ports.admin), ("role", ports.role),
  ]
  for cluster in site.clusters {
    for (name, port) in own where cluster.nodePorts.contains(port) {
      problems.add(
        places["cluster \(cluster.name) nodePorts"],
        "nodePorts \(cluster.nodePorts.lowerBound)-\(cluster.nodePorts.upperBound) hold the port \(port) (\(name)) of the hosts' own daemons"
      )
    }
    if !names.insert(cluster.name).inserted { problems.add(places["cluster \(cluster.name)"], "cluster \(cluster.name) stands here twice") }
    if cluster.order.isEmpty { problems.add(places["cluster \(cluster.name) centers"], "cluster \(cluster.name) names no center") }
    if Set(cluster.order).count != cluster.order.count {
      problems.add(places["cluster \(cluster.name) centers"], "cluster \(cluster.name) names a center twice")
    }
    for name in cluster.order where site.center(name) == nil {
      problems.add(places["cluster \(cluster.name) center \(name)"], "no center is called \(name)")
    }
    for name in cluster.automaticTo {
      let place: Place = places["cluster \(cluster.name) center \(name)"]
      if !cluster.order.contains(name) {
        problems.add(place, "cluster \(cluster.name) may not fail over to \(name): its list of centers does not hold it")
      } else if site.center(name)?.role == .remoteDR {
        problems.add(place, "cluster \(cluster.name): remote-dr takes over only by decision, so automaticTo cannot name \(name)")
      }
    }
  }
}

private func checkActivation(_ site: Site, _ places: SitePlaces, _ problems: ProblemCollector) {
  let policy: ActivationPolicy = site.activation
  if policy.renewEvery < .milliseconds(20) {
    problems.add(places["activation"], "renewEvery: \(policy.renewEvery) would do nothing but renew; 20ms is the least")
  }
  // Standbys that are calm look once a second: they must see a lease at least twice before it is over.
  if policy.lease < .seconds(2) {
    problems.add(places["activation"], "an activation lease of \(policy.lease) is shorter than 2s, which the standbys need to follow it")
  }
  // README of ServiceProxy: the kernel's fence may close up to 150 ms behind the permission.
  if policy.margin < .milliseconds(300) {
    problems.add(
      places["activation"], "a margin of \(policy.margin) is less than the 300ms that the hosts' kernels need to close the fence")
  }
  // README of Federation: two centers are never active at once as long as clocks' rates differ by less than margin / lease.
  if policy.margin * 20 < policy.lease {
    problems.add(
      places["activation"],
      "a margin of \(policy.margin) is less than a twentieth of the lease of \(policy.lease): clocks that run 5 % apart could have two centers active"
    )
  }
  let slowest: Duration = site.links.map(\.roundTrip).max() ?? .zero
  if policy.lease < policy.renewEvery * 4 + policy.margin {
    problems.add(
      places["activation"],
      "an activation lease of \(policy.lease) leaves no room for four renewals every \(policy.renewEvery) and the margin of \(policy.margin)"
    )
  }
  if policy.lease < slowest * 10 {
    problems.add(
      places["activation"], "an activation lease of \(policy.lease) is shorter than ten round trips of the slowest link (\(slowest))")
  }
}
