import Primitives
import Yams

/// Fills the model from YAML. Nil when so much is missing that checking the whole makes no sense.
func readSite(_ node: Node, _ problems: ProblemCollector) -> (Site, SitePlaces)? {
  guard var root = Fields(node, path: "", problems) else { return nil }
  var places = SitePlaces()
  let federation: String? = root.value("federation", expected: nameRule, nameIfValid)
  let zone: String? = root.value("zone", expected: "a DNS name such as tricenter.example", dnsName)
  var cities: [String] = []
  for (city, place) in root.strings("cities") {
    if nameIfValid(city) == nil { problems.add(place, "city \"\(city)\" must be \(nameRule)") }
    if cities.contains(city) { problems.add(place, "city \(city) stands here twice") }
    cities.append(city)
  }
  places["centers"] = root.place(of: "centers")
  places["cities"] = root.place(of: "cities")
  let centers: [Center] = root.list("centers").compactMap { readCenter($0.node, $0.path, &places, problems) }
  let links: [Link] = root.list("links", required: false).compactMap { readLink($0.node, $0.path, &places, problems) }
  let clusters: [ClusterPlan] = root.list("clusters").compactMap { readCluster($0.node, $0.path, &places, problems) }
  let ports: Ports = readPorts(root.fields("ports", required: false), problems)
  places["activation"] = root.place(of: "activation")
  let activation: ActivationPolicy = readActivation(root.fields("activation", required: false))
  let store: StorePolicy = readStore(root.fields("store", required: false), problems)
  let vantages: [VantagePlan] = root.list("vantages", required: false).compactMap { readVantage($0.node, $0.path, &places, problems) }
  var lab: LabPlan?
  if var fields: Fields = root.fields("lab", required: false) { lab = readLab(&fields, &places) }
  let hostCommand: [String] = readHostCommand(&root, problems)
  root.finish()
  guard let federation, let zone, problems.problems.isEmpty else { return nil }
  let site = Site(
    federation: federation, zone: zone, cities: cities, centers: centers, links: links, clusters: clusters, ports: ports,
    activation: activation, store: store, vantages: vantages, lab: lab, hostCommand: hostCommand)
  return (site, places)
}

/// `hostCommand: [ssh, -o, BatchMode=yes, "{address}"]`
private func readHostCommand(_ root: inout Fields, _ problems: ProblemCollector) -> [String] {
  let words: [(text: String, place: Place)] = root.strings("hostCommand", required: false)
  if let first = words.first, !words.contains(where: { $0.text.contains("{host}") || $0.text.contains("{address}") }) {
    problems.add(first.place, "hostCommand must say which host it reaches, by {host} or {address}")
  }
  return words.map(\.text)
}

let nameRule = "lower-case letters, digits and inner hyphens, at most 63 (RFC 1123 label)"

func nameIfValid(_ text: String) -> String? {
  let bytes: Bytes = Array(text.utf8)
  guard (1...63).contains(bytes.count), bytes.first != 45, bytes.last != 45 else { return nil }
  return bytes.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 45 } ? text : nil
}

func dnsName(_ text: String) -> String? {
  guard text.utf8.count <= 200 else { return nil }
  return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { nameIfValid(String($0)) != nil } ? text : nil
}

private func readCenter(_ node: Node, _ path: String, _ places: inout SitePlaces, _ problems: ProblemCollector) -> Center? {
  guard var fields = Fields(node, path: path, problems) else { return nil }
  let name: String? = fields.value("name", expected: nameRule, nameIfValid)
  let role: CenterRole? = fields.value("role", expected: "production, local-dr or remote-dr", CenterRole.init(rawValue:))
  let city: String? = fields.string("city")
  let network: IPRange? = fields.range("network")
  let hostNodes: [(path: String, node: Node)] = fields.list("hosts")
  let hosts: [Host] = hostNodes.compactMap { readHost($0.node, $0.path, &places, problems) }
  fields.finish()
  guard let name, let role, let city, let network else { return nil }
  places["center \(name)"] = fields.place(of: "name")
  places["center \(name) role"] = fields.place(of: "role")
  places["center \(name) city"] = fields.place(of: "city")
  places["center \(name) network"] = fields.place(of: "network")
  places["center \(name) hosts"] = fields.place(of: "hosts")
  return Center(name: CenterName(name), role: role, city: city, network: network, hosts: hosts)
}

private func readHost(_ node: Node, _ path: String, _ places: inout SitePlaces, _ problems: ProblemCollector) -> Host? {
  guard var fields = Fields(node, path: path, problems) else { return nil }
  let name: String? = fields.value("name", expected: nameRule, nameIfValid)
  let address: IPAddress? = fields.value("address", expected: "an IP address", IPAddress.init(_:))
  let voter: Bool = fields.value("voter", required: false, expected: "true or false", boolean) ?? true
  let pods: IPRange? = fields.range("pods")
  fields.finish()
  guard let name, let address, let pods else { return nil }
  places["host \(name)"] = fields.place(of: "name")
  places["host \(name) address"] = fields.place(of: "address")
  places["host \(name) pods"] = fields.place(of: "pods")
  return Host(name: HostName(name), address: address, voter: voter, pods: pods)
}

private func readLink(_ node: Node, _ path: String, _ places: inout SitePlaces, _ problems: ProblemCollector) -> Link? {
  guard var fields = Fields(node, path: path, problems) else { return nil }
  let between: [(text: String, place: Place)] = fields.strings("between")
  let roundTrip: Duration? = fields.value("roundTrip", expected: "a time such as 2ms", Duration.init(siteText:))
  fields.finish()
  if between.count != 2 { problems.add(fields.place(of: "between"), "\(path).between must name two centers") }
  guard between.count == 2, let roundTrip else { return nil }
  for end in between { places["link \(between[0].text) \(between[1].text) \(end.text)"] = end.place }
  return Link(between: between.map { CenterName($0.text) }, roundTrip: roundTrip)
}

private func readCluster(_ node: Node, _ path: String, _ places: inout SitePlaces, _ problems: ProblemCollector) -> ClusterPlan? {
  guard var fields = Fields(node, path: path, problems) else { return nil }
  let name: String? = fields.value("name", expected: nameRule, nameIfValid)
  let services: IPRange? = fields.range("services")
  let domain: String = fields.value("domain", required: false, expected: "a DNS name", dnsName) ?? "cluster.local"
  let nodePorts: ClosedRange<Int>? =
    fields.value("nodePorts", required: false, expected: "two ports such as 30000-32767", portRange) ?? 30000...32767
  let order: [(text: String, place: Place)] = fields.strings("centers")
  var automaticTo: [(text: String, place: Place)] = []
  if var policy: Fields = fields.fields("failover", required: false) {
    automaticTo = policy.strings("automaticTo", required: false)
    policy.finish()
  }
  fields.finish()
  guard let name, let services, let nodePorts else { return nil }
  places["cluster \(name)"] = fields.place(of: "name")
  places["cluster \(name) services"] = fields.place(of: "services")
  places["cluster \(name) nodePorts"] = fields.place(of: "nodePorts")
  places["cluster \(name) centers"] = fields.place(of: "centers")
  for center in order + automaticTo { places["cluster \(name) center \(center.text)"] = center.place }
  return ClusterPlan(
    name: name, services: services, domain: domain, nodePorts: nodePorts, order: order.map { CenterName($0.text) },
    automaticTo: automaticTo.map { CenterName($0.text) })
}

private func readPorts(_ given: Fields?, _ problems: ProblemCollector) -> Ports {
  var ports = Ports()
  guard var fields: Fields = given else { return ports }
  func port(_ field: String, _ path: WritableKeyPath<Ports, Int>) {
    let read: Int? = fields.value(field, required: false, expected: "a port from 1 to 65535") { text in
      Int(text).flatMap { (1...65535).contains($0) ? $0 : nil }
    }
    if let read { ports[keyPath: path] = read }
  }
  port("client", \.client)
  port("peer", \.peer)
  port("apiserver", \.apiserver)
  port("kubelet", \.kubelet)
  port("dns", \.dns)
  port("admin", \.admin)
  port("role", \.role)
  fields.finish()
  let all: [Int] = [ports.client, ports.peer, ports.apiserver, ports.kubelet, ports.dns, ports.admin, ports.role]
  if Set(all).count != all.count { problems.add(fields.place, "ports: two daemons of a host cannot share a port") }
  return ports
}

private func readActivation(_ given: Fields?) -> ActivationPolicy {
  var policy = ActivationPolicy()
  guard var fields: Fields = given else { return policy }
  let expected = "a time such as 3s"
  policy.lease = fields.value("lease", required: false, expected: expected, Duration.init(siteText:)) ?? policy.lease
  policy.renewEvery = fields.value("renewEvery", required: false, expected: expected, Duration.init(siteText:)) ?? policy.renewEvery
  policy.margin = fields.value("margin", required: false, expected: expected, Duration.init(siteText:)) ?? policy.margin
  fields.finish()
  return policy
}

private func readStore(_ given: Fields?, _ problems: ProblemCollector) -> StorePolicy {
  var plan = StorePolicy()
  guard var fields: Fields = given else { return plan }
  let expected = "manual, latency or durable"
  plan.shrink = fields.value("shrink", required: false, expected: expected, StorePolicy.Shrinking.init(rawValue:)) ?? plan.shrink
  plan.shrinkAfter =
    fields.value("shrinkAfter", required: false, expected: "a time such as 10s", Duration.init(siteText:)) ?? plan.shrinkAfter
  if !(Duration.seconds(1)...Duration.seconds(3600)).contains(plan.shrinkAfter) {
    problems.add(fields.place(of: "shrinkAfter"), "store.shrinkAfter must be 1s to 1h, a center that blinks is not gone")
  }
  plan.relay =
    fields.value("relay", required: false, expected: "centers, cities or never", StorePolicy.Relaying.init(rawValue:)) ?? plan.relay
  plan.compression =
    fields.value("compression", required: false, expected: "far, always or never", StorePolicy.Compressing.init(rawValue:))
    ?? plan.compression
  if var rates: Fields = fields.fields("snapshotRates", required: false) {
    func rate(_ name: String, _ standard: Int) -> Int {
      rates.value(name, required: false, expected: "bytes per second such as 50MiB, or 0 for no limit", StorePolicy.rate) ?? standard
    }
    plan.snapshotRates = (
      rate("sameCenter", plan.snapshotRates.sameCenter), rate("sameCity", plan.snapshotRates.sameCity), rate("far", plan.snapshotRates.far)
    )
    rates.finish()
  }
  fields.finish()
  return plan
}

private func readLab(_ fields: inout Fields, _ places: inout SitePlaces) -> LabPlan? {
  let loopback: Bool = fields.value("loopback", required: false, expected: "true or false", boolean) ?? false
  var branch: LabPlan.Branch?
  if var given: Fields = fields.fields("branch") {
    let name: String? = given.value("name", expected: nameRule, nameIfValid)
    let network: IPRange? = given.range("network")
    let address: IPAddress? = given.value("address", expected: "an IP address", IPAddress.init(_:))
    given.finish()
    places["lab branch network"] = given.place(of: "network")
    places["lab branch address"] = given.place(of: "address")
    if let name, let network, let address { branch = .init(name: HostName(name), network: network, address: address) }
  }
  fields.finish()
  return branch.map { LabPlan(branch: $0, loopback: loopback) }
}

private func boolean(_ text: String) -> Bool? { ["true": true, "false": false][text] }

private func portRange(_ text: String) -> ClosedRange<Int>? {
  let ends: [Int] = text.split(separator: "-").compactMap { Int($0) }
  guard ends.count == 2, ends[0] >= 1, ends[1] <= 65535, ends[0] <= ends[1] else { return nil }
  return ends[0]...ends[1]
}
