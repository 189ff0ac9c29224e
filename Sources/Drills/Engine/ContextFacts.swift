import KubeModel
import Primitives

/// What steps noted for later ones, as another runner can read it: times as wall-clock times, because a monotonic clock is one machine's
/// own.
extension DrillContext {
  var facts: [String: String] {
    let (state, now, wall): (State, MonotonicTime, WallTime) = (state.withLock { $0 }, clock.now(), clock.wall())
    func text(_ value: JSONValue) -> String { String(decoding: value.serialized(), as: UTF8.self) }
    func time(_ at: MonotonicTime) -> String { text(.string(wall.adding(at - now).rfc3339Micro)) }
    var facts: [String: String] = [:]
    if let center = state.lostCenter { facts["lostCenter"] = text(.string(center.value)) }
    if let at = state.faultBegan { facts["faultBegan"] = time(at) }
    if let at = state.faultEnded { facts["faultEnded"] = time(at) }
    for (name, at) in state.milestones { facts["milestone.\(name)"] = time(at) }
    for (name, value) in state.facts { facts["fact.\(name)"] = text(value) }
    if let lost = state.lostWrites { facts["lostWrites"] = text(.int(Int64(lost))) }
    if let rpo = state.rpo { facts["rpoNanoseconds"] = text(.int(rpo.inNanoseconds)) }
    if !state.bounds.isEmpty { facts["bounds"] = text(.array(state.bounds.sorted().map { .string($0) })) }
    for part in state.earlier + (own(state, now, wall).map { [$0] } ?? []) { facts[MeasuredPart.factName(part.epoch)] = text(part.json) }
    if let identity = state.identity {
      facts["identity"] = text([
        "namespace": .string(identity.namespace), "deployment": .string(identity.deployment), "service": .string(identity.service),
        "deploymentUID": .string(identity.deploymentUID), "serviceUID": .string(identity.serviceUID),
        "clusterIP": .string(identity.clusterIP),
      ])
    }
    for (name, text) in copy?.context?.facts ?? [:] { facts["copy/\(name)"] = text }
    return facts
  }

  /// What this runner has measured so far; nil when it measures nothing.
  private func own(_ state: State, _ now: MonotonicTime, _ wall: WallTime) -> MeasuredPart? {
    guard state.requests != nil || state.writes != nil else { return nil }
    return MeasuredPart(
      epoch: state.epoch, holder: state.holder, requests: state.requests?.part(now, wall), writes: state.writes?.part(now, wall))
  }
  var ownPart: MeasuredPart? { own(state.withLock { $0 }, clock.now(), clock.wall()) }

  /// Which runner this is, before it does anything.
  func begin(epoch: Int64, holder: String) { state.withLock { ($0.epoch, $0.holder) = (epoch, holder) } }

  /// Takes up what a runner before noted.
  func restore(_ facts: [String: String]) {
    let (now, wall): (MonotonicTime, WallTime) = (clock.now(), clock.wall())
    copy?.restore(facts)
    func value(_ text: String) -> JSONValue { (try? JSONValue.parse(Bytes(text))) ?? .null }
    func time(_ text: String) -> MonotonicTime? {
      value(text).string.flatMap { WallTime(rfc3339: $0) }.map { now - wall.since($0) }
    }
    state.withLock { state in
      for (name, text) in facts {
        switch name {
        case "lostCenter": state.lostCenter = value(text).string.map { CenterName($0) }
        case "faultBegan": state.faultBegan = time(text)
        case "faultEnded": state.faultEnded = time(text)
        case "lostWrites": state.lostWrites = value(text).int.map { Int($0) }
        case "rpoNanoseconds": state.rpo = value(text).int.map { .nanoseconds($0) }
        case "identity":
          let json: JSONValue = value(text)
          state.identity = Identity(
            namespace: json["namespace"].string ?? "", deployment: json["deployment"].string ?? "", service: json["service"].string ?? "",
            deploymentUID: json["deploymentUID"].string ?? "", serviceUID: json["serviceUID"].string ?? "",
            clusterIP: json["clusterIP"].string ?? "")
        case "bounds": state.bounds = Set(value(text).array.compactMap(\.string))
        case let name where name.hasPrefix("measured."):
          if let part = MeasuredPart(value(text)) { state.earlier.append(part) }
        case let name where name.hasPrefix("milestone."): state.milestones[String(name.dropFirst(10))] = time(text)
        case let name where name.hasPrefix("fact."): state.facts[String(name.dropFirst(5))] = value(text)
        default: break
        }
      }
      state.earlier.sort { $0.epoch < $1.epoch }
    }
  }
}

extension WallTime {
  func adding(_ duration: Duration) -> WallTime {
    let (seconds, nanoseconds): (Int64, Int64) = (duration.inNanoseconds / 1_000_000_000, duration.inNanoseconds % 1_000_000_000)
    var sum: Int64 = Int64(self.nanoseconds) + nanoseconds
    var whole: Int64 = secondsSince1970 + seconds
    if sum < 0 { (sum, whole) = (sum + 1_000_000_000, whole - 1) }
    if sum >= 1_000_000_000 { (sum, whole) = (sum - 1_000_000_000, whole + 1) }
    return WallTime(secondsSince1970: whole, nanoseconds: Int32(sum))
  }

  func since(_ other: WallTime) -> Duration {
    .nanoseconds((secondsSince1970 - other.secondsSince1970) * 1_000_000_000 + Int64(nanoseconds) - Int64(other.nanoseconds))
  }
}
