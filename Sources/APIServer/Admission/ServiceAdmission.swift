import KubeModel
import Keyspace
import Primitives

extension Admission {
  /// Gives a Service its address and node ports. What it had stays with it; what it does not need any more is given back in the
  /// transaction that writes it.
  /// https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
  func allocate(_ service: inout KubeObject, old: KubeObject?, _ plan: inout AdmissionPlan) async throws {
    let type: String = service.spec["type"].string ?? "ClusterIP"
    if let old { keepAllocated(&service, old: old, type: type) }
    if type == "ExternalName" {
      for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
        service.json["spec"][field] = .null
      }
    } else {
      try await allocateAddress(&service, old: old, &plan)
      service.json["spec"]["ipFamilies"] = ["IPv4"]
      if service.spec["ipFamilyPolicy"].isNull { service.json["spec"]["ipFamilyPolicy"] = "SingleStack" }
    }
    try await allocatePorts(&service, type: type, old: old, &plan)
    if let old { plan.reservations.released = serviceKeys(old).filter { key in !serviceKeys(service).contains(key) } }
    plan.reservations.taken = plan.reservations.taken.filter { entry in !(old.map { serviceKeys($0).contains(entry.key) } ?? false) }
  }

  /// The keys that a Service holds.
  func serviceKeys(_ service: KubeObject) -> [Bytes] {
    var keys: [Bytes] = []
    if let address: String = service.spec["clusterIP"].string, IPv4Range.address(address) != nil {
      keys.append(storage.layout.serviceAddress(address))
    }
    for port in service.spec["ports"].array {
      guard let number: Int64 = port["nodePort"].int, number > 0 else { continue }
      let key: Bytes = storage.layout.nodePort(number)
      if !keys.contains(key) { keys.append(key) }
    }
    return keys
  }

  /// A client that writes the whole Service without what the server had chosen keeps it (`patchAllocatedValues` of Kubernetes).
  private func keepAllocated(_ service: inout KubeObject, old: KubeObject, type: String) {
    if type != "ExternalName", (service.spec["clusterIP"].string ?? "").isEmpty, old.spec["type"].string != "ExternalName" {
      service.json["spec"]["clusterIP"] = old.spec["clusterIP"]
      service.json["spec"]["clusterIPs"] = old.spec["clusterIPs"]
    }
    guard type == "NodePort" || type == "LoadBalancer" else { return }
    let before: [JSONValue] = old.spec["ports"].array
    var ports: [JSONValue] = service.spec["ports"].array
    for index in ports.indices where (ports[index]["nodePort"].int ?? 0) == 0 {
      let same: JSONValue? = before.first { $0["port"] == ports[index]["port"] && $0["protocol"] == ports[index]["protocol"] }
      if let kept: JSONValue = same?["nodePort"], !kept.isNull { ports[index]["nodePort"] = kept }
    }
    service.json["spec"]["ports"] = .array(ports)
  }

  private func allocateAddress(_ service: inout KubeObject, old: KubeObject?, _ plan: inout AdmissionPlan) async throws {
    let asked: String = service.spec["clusterIP"].string ?? service.spec["clusterIPs"][0].string ?? ""
    if let had: String = old?.spec["clusterIP"].string, !had.isEmpty, had != asked {
      throw invalidService(service, "spec.clusterIPs[0]", .string(asked), "may not change once set")
    }
    if asked == "None" {
      service.json["spec"]["clusterIP"] = "None"
      service.json["spec"]["clusterIPs"] = ["None"]
      return
    }
    let address: String
    if asked.isEmpty {
      address = try await freeAddress()
      plan.chosen.insert(storage.layout.serviceAddress(address))
    } else {
      guard let number: UInt32 = IPv4Range.address(asked), configuration.serviceRange.contains(number) else {
        throw invalidService(
          service, "spec.clusterIPs", [.string(asked)],
          "failed to allocate IP \(asked): the provided IP (\(asked)) is not in the valid range. The range of valid IPs is \(configuration.serviceRange)"
        )
      }
      address = asked
    }
    service.json["spec"]["clusterIP"] = .string(address)
    service.json["spec"]["clusterIPs"] = [.string(address)]
    plan.reservations.taken.append((key: storage.layout.serviceAddress(address), owner: owner("services", service)))
  }

  /// Any address but the range's first two (network, and the `kubernetes` Service) and its last. Whether it is free, the transaction
  /// decides; one look at the reservations makes a wrong choice rare.
  private func freeAddress() async throws -> String {
    let range: IPv4Range = configuration.serviceRange
    guard range.count > 3 else {
      throw KubeStatus.internalError("the range \(range) of service addresses has no free address: it is too small")
    }
    let prefix: Bytes = storage.layout.serviceAddress("")
    for _ in 0..<8 {
      let address: String = IPv4Range.text(names.address(in: range.first + 2...range.last - 1))
      let key: Bytes = storage.layout.serviceAddress(address)
      let found: RangeResponse = try await storage.waits.run { try await storage.store.range(RangeRequest(key: key)) }
      if found.keyValues.isEmpty { return address }
    }
    let all: RangeResponse = try await storage.waits.run {
      try await storage.store.range(RangeRequest(.prefix(prefix), keysOnly: true))
    }
    let taken: Set<Bytes> = Set(all.keyValues.map(\.key))
    for number in range.first + 2...range.last - 1 where !taken.contains(storage.layout.serviceAddress(IPv4Range.text(number))) {
      return IPv4Range.text(number)
    }
    throw KubeStatus.internalError("failed to allocate a serviceIP: range is full")
  }

  private func allocatePorts(_ service: inout KubeObject, type: String, old: KubeObject?, _ plan: inout AdmissionPlan) async throws {
    var ports: [JSONValue] = service.spec["ports"].array
    guard type == "NodePort" || type == "LoadBalancer" else {
      for index in ports.indices { ports[index]["nodePort"] = .null }
      if !ports.isEmpty { service.json["spec"]["ports"] = .array(ports) }
      return
    }
    let range: ClosedRange<Int64> = configuration.nodePortRange
    for index in ports.indices {
      let number: Int64
      if let asked: Int64 = ports[index]["nodePort"].int, asked != 0 {
        guard range.contains(asked) else {
          throw invalidService(
            service, "spec.ports[\(index)].nodePort", .int(asked),
            "provided port is not in the valid range. The range of valid ports is \(range.lowerBound)-\(range.upperBound)")
        }
        number = asked
      } else {
        number = try await freePort(besides: plan)
        plan.chosen.insert(storage.layout.nodePort(number))
      }
      ports[index]["nodePort"] = .int(number)
      let key: Bytes = storage.layout.nodePort(number)
      // One port may carry two protocols of one Service.
      if !plan.reservations.taken.contains(where: { $0.key == key }) {
        plan.reservations.taken.append((key: key, owner: owner("services", service)))
      }
    }
    service.json["spec"]["ports"] = .array(ports)
  }

  private func freePort(besides plan: AdmissionPlan) async throws -> Int64 {
    let range: ClosedRange<Int64> = configuration.nodePortRange
    let all: RangeResponse = try await storage.waits.run {
      try await storage.store.range(RangeRequest(.prefix(storage.layout.nodePortFolder), keysOnly: true))
    }
    let taken: Set<Bytes> = Set(all.keyValues.map(\.key)).union(plan.chosen)
    let start: Int64 = names.seconds(in: range)
    for offset in 0..<Int64(range.count) {
      let port: Int64 = range.lowerBound + (start - range.lowerBound + offset) % Int64(range.count)
      if !taken.contains(storage.layout.nodePort(port)) { return port }
    }
    throw KubeStatus.internalError("failed to allocate a nodePort: range is full")
  }

  func invalidService(_ service: KubeObject, _ field: String, _ value: JSONValue, _ why: String) -> KubeStatus {
    .invalid(group: "", kind: "Service", name: service.name, [.invalid(FieldPath(field), value, why)])
  }

  /// What a client is told when what it asked for by name belongs to another.
  func alreadyTaken(_ key: Bytes, _ object: KubeObject) -> KubeStatus {
    if key.starts(with: storage.layout.nodePortFolder) {
      let port: String = Bytes(key.dropFirst(storage.layout.nodePortFolder.count)).text
      return invalidService(object, "spec.ports[0].nodePort", .int(Int64(port) ?? 0), "provided port is already allocated")
    }
    let addresses: Bytes = storage.layout.serviceAddress("")
    if key.starts(with: addresses) {
      let address: String = Bytes(key.dropFirst(addresses.count)).text
      return invalidService(
        object, "spec.clusterIPs", [.string(address)], "failed to allocate IP \(address): provided IP is already allocated")
    }
    return invalidNode(object, object.spec["podCIDR"].string ?? "", "this range of pod addresses belongs to another node already")
  }
}
