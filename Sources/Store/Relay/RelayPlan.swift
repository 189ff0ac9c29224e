import Consensus
import Primitives

/// Which appends cross a link between centers once instead of once per member there. A value, on the leader.
///
/// ```
///            append {entries} for a, b                        append {entries} as from the leader
///   leader ═══════════ link ═══════════▶ a (relay, steps it) ─────────────▶ b (steps it)
///      ▲◀────────── accepted ─────────────┘                                   │
///      └◀────────────────────── accepted ─────────────────────────────────────┘
/// ```
///
/// Consensus knows nothing of it: a message that took another way is a message that was late. What it needs is that messages are not
/// altered, that an append reaches members in the order of the log (else it asks again), and to be told of what is surely lost. Hence:
/// - only appends of one output, one term, one place in the log and as many entries are one: an output sees one log;
/// - a member whose entries are still under way by a relay gets all that follows by the same relay, also what is small or empty, until it
/// has
///   acknowledged everything; then the way is free again;
/// - a relay that is gone, silent, or does not deliver loses its routes at once: those members are sent to directly from what they have.
struct RelayPlan {
  enum Delivery {
    case direct(RaftMessage)
    /// The message is addressed to the relay; the receivers may have it among them.
    case relayed(RaftMessage, receivers: [MemberID])
  }

  private struct Route {
    var relay: MemberID
    /// The last entry that was sent this way.
    var last: UInt64
    /// An entry that the member must have some time after the relay had it.
    var mark: UInt64
    var relayHadMark: MonotonicTime?
  }

  private let settings: WideArea
  private let patience: Duration
  private var groups: [MemberID: String] = [:]
  private var preferred: [String: MemberID] = [:]
  private var routes: [MemberID: Route] = [:]
  private var avoided: [MemberID: MonotonicTime] = [:]
  /// How often members had to be sent to directly what a relay had been given.
  private(set) var failures: Int = 0

  init(_ settings: WideArea, tick: Duration) {
    self.settings = settings
    patience = tick * StoreLimits.relayPatienceTicks
  }

  /// There is somebody to relay to.
  var isUsed: Bool { !groups.isEmpty }
  var hasRoutes: Bool { !routes.isEmpty }
  func relay(of member: MemberID) -> MemberID? { routes[member]?.relay }

  /// Places with several members that are elsewhere: another city, else another center.
  mutating func onMembers(_ members: [StoreMember], own: MemberID) {
    groups = [:]
    guard settings.relay != .never, let here: StoreMember = members.first(where: { $0.id == own }) else { return routes = [:] }
    for member in members where member.id != own {
      if !here.city.isEmpty, !member.city.isEmpty, member.city != here.city {
        groups[member.id] = "city \(member.city)"
      } else if settings.relay == .centers, !member.center.value.isEmpty, member.center != here.center {
        groups[member.id] = "center \(member.center)"
      }
    }
    let sizes: [String: Int] = groups.values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    groups = groups.filter { sizes[$0.value, default: 0] > 1 }
    routes = routes.filter { groups[$0.key] != nil && groups[$0.value.relay] != nil }
  }

  mutating func reset() {
    routes = [:]
    avoided = [:]
  }

  /// Whether some message would go another way than directly.
  func concerns(_ messages: [RaftMessage]) -> Bool {
    guard isUsed else { return false }
    guard routes.isEmpty else { return true }
    guard messages.count > 1 else { return false }
    return messages.contains { message in
      guard case .append(_, _, let entries) = message.body, groups[message.to] != nil else { return false }
      var bytes: Int = 0
      return entries.contains { entry in
        bytes += entry.payload.count
        return bytes >= settings.relayedFrom
      }
    }
  }

  /// All messages of one output, in the order in which they are to leave. `match`: up to where a member is known to have the log.
  mutating func route(_ messages: [RaftMessage], now: MonotonicTime, match: (MemberID) -> UInt64) -> [Delivery] {
    for (member, route) in routes where match(member) >= route.last { routes[member] = nil }
    var bundles: [Bundle] = []
    // Where a message is in a bundle: its number.
    var places: [Int?] = Array(repeating: nil, count: messages.count)
    for (number, message) in messages.enumerated() {
      guard let group: String = groups[message.to], let key = Bundle.Key(message, group) else { continue }
      if let place: Int = bundles.firstIndex(where: { $0.key == key }) {
        bundles[place].receivers.append(message.to)
        places[number] = place
      } else {
        places[number] = bundles.count
        bundles.append(Bundle(key: key, message: message))
      }
    }
    for place in bundles.indices { choose(&bundles[place], now) }
    var deliveries: [Delivery] = []
    for (number, message) in messages.enumerated() {
      guard let place: Int = places[number] else {
        deliveries.append(.direct(message))
        continue
      }
      for (relay, receivers) in bundles[place].takeRelayed() {
        var carried: RaftMessage = message
        carried.to = relay
        deliveries.append(.relayed(carried, receivers: receivers))
      }
      if !bundles[place].isRelayed(message.to) { deliveries.append(.direct(message)) }
    }
    return deliveries
  }

  private mutating func choose(_ bundle: inout Bundle, _ now: MonotonicTime) {
    // Those who are on their way by a relay stay on it.
    for receiver in bundle.receivers {
      guard let route: Route = routes[receiver] else { continue }
      bundle.add(receiver, by: route.relay)
      routes[receiver]?.last = max(route.last, bundle.key.last)
    }
    let free: [MemberID] = bundle.receivers.filter { routes[$0] == nil }
    // One who relays for others gets its own entries in the same frame.
    for receiver in free where bundle.hasRelay(receiver) { bundle.add(receiver, by: receiver) }
    guard free.count > 1, bundle.bytes >= settings.relayedFrom else { return }
    let fit: [MemberID] = free.filter { avoided[$0].map { $0 <= now } ?? true }
    guard let relay: MemberID = fit.first(where: { $0 == preferred[bundle.key.group] }) ?? fit.min() else { return }
    preferred[bundle.key.group] = relay
    bundle.add(relay, by: relay)
    for receiver in free where receiver != relay && !bundle.isRelayed(receiver) {
      bundle.add(receiver, by: relay)
      routes[receiver] = Route(relay: relay, last: bundle.key.last, mark: bundle.key.last)
    }
  }

  // MARK: What goes wrong

  /// The link to a member is down, or it could not be handed a frame. Returns whom to send to directly.
  mutating func onUnreachable(_ member: MemberID, _ now: MonotonicTime) -> [MemberID] {
    routes[member] = nil
    return fail(member, now) { _ in true }
  }

  /// A relay says whom it could not reach.
  mutating func onRefused(by relay: MemberID, _ receivers: [MemberID], _ now: MonotonicTime) -> [MemberID] {
    fail(relay, now) { receivers.contains($0) }
  }

  /// With each tick. `isSilent`: not heard for so long that it may be gone. Returns whom to send to directly.
  mutating func onTick(_ now: MonotonicTime, match: (MemberID) -> UInt64, isSilent: (MemberID) -> Bool) -> [MemberID] {
    var lost: [MemberID] = []
    // In order: what is sent, and so a history of the simulation, must not depend on a hash table.
    for (member, route) in routes.sorted(by: { $0.key < $1.key }) {
      if match(member) >= route.last {
        routes[member] = nil
      } else if match(member) >= route.mark {
        routes[member]?.mark = route.last
        routes[member]?.relayHadMark = nil
      } else if isSilent(route.relay) {
        lost += fail(route.relay, now) { _ in true }
      } else if let since: MonotonicTime = route.relayHadMark {
        // Whoever is silent itself has other troubles than its relay.
        if now - since > patience, !isSilent(member) { lost += fail(route.relay, now) { $0 == member } }
      } else if match(route.relay) >= route.mark {
        routes[member]?.relayHadMark = now
      }
    }
    return lost
  }

  private mutating func fail(_ relay: MemberID, _ now: MonotonicTime, _ concerns: (MemberID) -> Bool) -> [MemberID] {
    let lost: [MemberID] = routes.filter { $0.value.relay == relay && concerns($0.key) }.map(\.key).sorted()
    guard !lost.isEmpty else { return [] }
    for member in lost { routes[member] = nil }
    avoided[relay] = now + StoreLimits.relayAvoidance
    failures += 1
    return lost
  }
}

/// Appends of one output that say the same to several members of one place.
private struct Bundle {
  struct Key: Equatable {
    var group: String
    var term: UInt64
    var previous: LogPosition
    var count: Int
    var last: UInt64 { previous.index + UInt64(count) }

    init?(_ message: RaftMessage, _ group: String) {
      guard case .append(let previous, _, let entries) = message.body else { return nil }
      self.group = group
      term = message.term
      self.previous = previous
      count = entries.count
    }
  }

  var key: Key
  var receivers: [MemberID]
  /// Payloads.
  let bytes: Int
  private var relayed: [(relay: MemberID, receivers: [MemberID])] = []
  private var isTaken: Bool = false

  init(key: Key, message: RaftMessage) {
    self.key = key
    receivers = [message.to]
    guard case .append(_, _, let entries) = message.body else { preconditionFailure("only appends have a key") }
    bytes = entries.reduce(0) { $0 + $1.payload.count }
  }

  func hasRelay(_ member: MemberID) -> Bool { relayed.contains { $0.relay == member } }
  func isRelayed(_ member: MemberID) -> Bool { relayed.contains { $0.receivers.contains(member) } }

  mutating func add(_ receiver: MemberID, by relay: MemberID) {
    guard let place: Int = relayed.firstIndex(where: { $0.relay == relay }) else { return relayed.append((relay, [receiver])) }
    if !relayed[place].receivers.contains(receiver) { relayed[place].receivers.append(receiver) }
  }

  /// Once, with the first of its messages: what follows for the same members must leave later.
  mutating func takeRelayed() -> [(relay: MemberID, receivers: [MemberID])] {
    guard !isTaken else { return [] }
    isTaken = true
    // A relay that is the only receiver needs none.
    return relayed
  }
}
