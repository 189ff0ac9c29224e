import Federation
import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Observability
import Primitives
import Store
import Synchronization

/// `/tricenter/status` on the admin port: what this host knows of the store, the activation and what happened lately.
struct StatusResponder: Responder {
  let setting: HostSetting
  let store: Store
  let observer: ActivationObserver
  private let process = RunningProcess()

  init(setting: HostSetting, store: Store, observer: ActivationObserver) {
    self.setting = setting
    self.store = store
    self.observer = observer
  }

  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    guard request.head.path == "/tricenter/status", request.head.method == .get else {
      try await response.respond(.notFound, contentType: "text/plain; charset=utf-8", ByteBuffer(string: "404 page not found\n"))
      return
    }
    try await response.respond(.ok, contentType: "application/json", ByteBuffer(bytes: document.serialized()))
  }

  private var document: JSONValue {
    let now: MonotonicTime = SystemClock().now()
    let status: StoreStatus = store.status
    let view: ActivationView = observer.view
    let role: String = status.isLeader ? "leader" : status.leader == nil ? "candidate" : status.isLearner ? "learner" : "follower"
    let leaderName: String = status.members.first { $0.id == status.leader }?.name.value ?? ""
    return [
      "host": .string(setting.host.name.value), "center": .string(setting.center.name.value),
      "role": .string(setting.center.role.rawValue), "monotonicNanoseconds": .int(now.nanoseconds),
      "process": process.json,
      "raft": [
        "role": .string(role), "leader": .string(leaderName), "term": .int(Int64(status.term)),
        "lastIndex": .int(Int64(status.lastIndex)), "commitIndex": .int(Int64(status.commitIndex)),
        "appliedIndex": .int(Int64(status.appliedIndex)), "revision": .int(status.revision), "keys": .int(Int64(status.keys)),
        "epoch": .int(Int64(status.epoch)), "failure": status.failure.map { .string($0) } ?? .null,
      ],
      "peers": .array(
        status.peers.map { peer in
          [
            "name": .string(peer.name.value), "center": .string(peer.center.value), "lagEntries": .int(Int64(clamping: peer.lagEntries)),
            "lagBytes": .int(Int64(clamping: peer.lagBytes)), "lagSeconds": .double(peer.lagSeconds),
            "silentSeconds": .double(peer.silentSeconds),
          ]
        }),
      "cities": Self.cities(status),
      "activation": [
        "center": .string(view.record?.center.value ?? ""), "epoch": .int(view.record?.epoch ?? 0),
        "namespaces": view.record?.placementsJSON ?? [:],
        "activeHere": .bool(view.isActive(setting.center.name, at: now)),
        "readAgeMilliseconds": view.lastReadBegan.map { .double(((now - $0).inMilliseconds * 10).rounded() / 10) } ?? .null,
      ],
      "events": .array(
        EventLog.shared.all.map { entry in
          [
            "name": .string(entry.name), "detail": .string(entry.detail), "monotonicNanoseconds": .int(entry.at.nanoseconds),
            "time": .string(entry.wall.rfc3339Micro),
          ]
        }),
    ]
  }

  /// How far each city is behind the leader, as it said last.
  private static func cities(_ status: StoreStatus) -> JSONValue {
    var cities: [JSONValue] = []
    for city in status.cities {
      let entries: JSONValue = city.lagEntries.map { JSONValue.int(Int64(clamping: $0)) } ?? .null
      let bytes: JSONValue = city.lagBytes.map { JSONValue.int(Int64(clamping: $0)) } ?? .null
      let seconds: JSONValue = city.lagSeconds.map { JSONValue.double($0) } ?? .null
      let isDegraded: Bool = city.degradation != nil
      cities.append(
        ["name": .string(city.name), "lagEntries": entries, "lagBytes": bytes, "lagSeconds": seconds, "degraded": .bool(isDegraded)])
    }
    return .array(cities)
  }
}

/// Turns changes of leader into entries of the event log.
final class LeaderNotes: Sendable {
  private let last: Mutex<MemberID?> = Mutex(nil)

  func note(_ change: LeadershipChange) {
    let before: MemberID? = last.withLock { last in
      defer { last = change.leader }
      return last
    }
    guard before != change.leader else { return }
    if let name = change.leaderName {
      EventLog.shared.record("leader.elected", "\(name), term \(change.term)")
    } else {
      EventLog.shared.record("leader.lost", "term \(change.term)")
    }
  }
}
