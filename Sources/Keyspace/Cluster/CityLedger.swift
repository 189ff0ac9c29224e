import Primitives

/// On the leader: how far each city has the log on disk, and when `auto` writes stop waiting for one. A value; the shell tells it where
/// the members are and how far each is, proposes what it directs, and asks it which waiting writes may be acknowledged.
///
/// A city has what one of its members has on disk. `citySafe` waits for every city for as long as it takes. `auto` waits for every city
/// that no barrier in the log excuses; the barrier is *in force when it is applied*, so nothing is acknowledged without a city before a
/// majority has it in writing that this is so.
public struct CityLedger: Sendable {
  public enum Directive: Hashable, Sendable {
    /// Propose `ClusterCommand.degrade`, in this term or never.
    case degrade(city: String)
    /// Propose `ClusterCommand.restore`, in this term or never.
    case restore(city: String)
  }

  public struct City: Hashable, Sendable {
    public var name: String
    public var members: [MemberID]
    /// Up to here one of its members has the log on disk.
    public var durable: UInt64 = 0
  }

  /// Sorted by name. Members whose city is not known count for none.
  public private(set) var cities: [City] = []
  /// `auto` writes that are not acknowledged, by when they began to wait; sorted by index.
  private var waiting: [(index: UInt64, since: MonotonicTime)] = []
  private var proposed: Set<String> = []
  /// Degraded cities that keep up again, since when.
  private var keepingUp: [String: MonotonicTime] = [:]
  /// The log's end as it was, oldest first, as far back as needed.
  private var ends: [(time: MonotonicTime, index: UInt64)] = []
  private let patience: Duration
  private let recovery: Duration

  /// - Parameters:
  ///   - patience: so long an `auto` write waits for a city.
  ///   - recovery: a city that has kept up for so long (what is older than `patience` is on its disks) is waited for again.
  public init(patience: Duration, recovery: Duration) {
    self.patience = patience
    self.recovery = recovery
  }

  public mutating func onMembers(_ members: [(id: MemberID, city: String)]) {
    var byCity: [String: [MemberID]] = [:]
    for member in members where !member.city.isEmpty { byCity[member.city, default: []].append(member.id) }
    cities = byCity.keys.sorted().map { name in
      City(name: name, members: (byCity[name] ?? []).sorted(), durable: cities.first { $0.name == name }?.durable ?? 0)
    }
  }

  /// This member leads, or leads no more: what it knew of the others' disks was true for its own log only.
  public mutating func reset() {
    for place in cities.indices { cities[place].durable = 0 }
    waiting = []
    proposed = []
    keepingUp = [:]
    ends = []
  }

  /// - Parameter durable: up to where a member has this leader's log on disk.
  public mutating func update(_ durable: (MemberID) -> UInt64) {
    for place in cities.indices { cities[place].durable = cities[place].members.reduce(0) { max($0, durable($1)) } }
  }

  /// A write with this index or below is as safe as asked.
  public func safeIndex(_ durability: Durability, _ cluster: ClusterState) -> UInt64 {
    switch durability {
    case .centerSafe: .max
    case .citySafe: cities.reduce(.max) { min($0, $1.durable) }
    case .auto: cities.reduce(.max) { cluster.isDegraded($1.name) ? $0 : min($0, $1.durable) }
    }
  }

  /// An `auto` write waits from now on.
  public mutating func onWaiting(_ index: UInt64, now: MonotonicTime) {
    var place: Int = waiting.count
    while place > 0, waiting[place - 1].index > index { place -= 1 }
    waiting.insert((index, now), at: place)
  }

  /// With each tick, after `update`. `end`: of the log.
  public mutating func tick(now: MonotonicTime, end: UInt64, _ cluster: ClusterState) -> [Directive] {
    let safe: UInt64 = safeIndex(.auto, cluster)
    waiting.removeAll { $0.index <= safe }
    noteEnd(end, now)
    var directives: [Directive] = []
    for city in cities where !proposed.contains(city.name) {
      if cluster.isDegraded(city.name) {
        if let directive: Directive = recovered(city, now, cluster) { directives.append(directive) }
      } else {
        keepingUp[city.name] = nil
        let isLate: Bool = waiting.contains { $0.index > city.durable && now - $0.since >= patience }
        if isLate { directives.append(.degrade(city: city.name)) }
      }
    }
    // A barrier for a city without members excuses nobody and is of no use.
    for one in cluster.degradations where !cities.contains(where: { $0.name == one.city }) && !proposed.contains(one.city) {
      directives.append(.restore(city: one.city))
    }
    for directive in directives {
      switch directive {
      case .degrade(let city), .restore(let city): proposed.insert(city)
      }
    }
    return directives
  }

  /// The proposal was applied, or is certainly not in the log.
  public mutating func onDecided(_ city: String) {
    proposed.remove(city)
    keepingUp[city] = nil
  }

  private mutating func noteEnd(_ end: UInt64, _ now: MonotonicTime) {
    ends.append((now, end))
    // The first one kept is the newest that is older than the patience.
    while ends.count > 1, now - ends[1].time >= patience { ends.removeFirst() }
    if ends.count > 4096 { ends.removeFirst() }
  }

  private mutating func recovered(_ city: City, _ now: MonotonicTime, _ cluster: ClusterState) -> Directive? {
    let barrier: UInt64 = cluster.degradations.first { $0.city == city.name }?.index ?? 0
    guard let oldest = ends.first, city.durable >= oldest.index, city.durable >= barrier else {
      keepingUp[city.name] = nil
      return nil
    }
    let since: MonotonicTime = keepingUp[city.name] ?? now
    keepingUp[city.name] = since
    return now - since >= recovery ? .restore(city: city.name) : nil
  }
}
