import Histories
import Primitives

/// The faults of a run, all of them, from the seed. The same seed, length and kinds give the same plan.
public struct FaultPlan: Sendable {
  public let injections: [Injection]

  private static let second: Moment = 1_000_000_000
  /// Without faults, at the beginning and the end.
  private static let calm: Moment = 2 * second

  /// How often a kind comes, and for how long in milliseconds.
  private static let shapes: [(kind: Injection.Kind, weight: Int, milliseconds: ClosedRange<Int>)] = [
    (.kill, 6, 50...6_000), (.freeze, 5, 100...8_000), (.cut, 4, 200...9_000), (.oneWayCut, 4, 200...9_000), (.delay, 3, 1_000...9_000),
    (.loss, 2, 1_000...9_000), (.clock, 2, 50...2_000), (.fullDisk, 2, 2_000...9_000),
  ]

  public init(seed: UInt64, seconds: Double, kinds: Set<Injection.Kind>) {
    var random = SeededRandom(seed: seed)
    let shapes = Self.shapes.filter { kinds.contains($0.kind) }
    let last: Moment = Moment(seconds * 1e9) - Self.calm
    var planned: [Injection] = []
    var at: Moment = Self.calm
    while !shapes.isEmpty {
      // Storms and lulls: now and then several seconds of peace, in which what was lost has to be caught up with.
      let lull: Bool = Int.random(in: 0..<6, using: &random) == 0
      at += Moment(Int.random(in: lull ? 3_000...8_000 : 100...2_500, using: &random)) * 1_000_000
      var draw: Int = Int.random(in: 0..<shapes.reduce(0) { $0 + $1.weight }, using: &random)
      let shape = shapes.first { shape in
        draw -= shape.weight
        return draw < 0
      }
      guard let shape else { break }
      let length: Moment = Moment(Int.random(in: shape.milliseconds, using: &random)) * 1_000_000
      var injection = Injection(kind: shape.kind, target: .leader, at: at, until: min(last, at + length))
      injection.target = Self.target(shape.kind, &random)
      injection.amount = Self.amount(shape.kind, &random)
      guard injection.at + 50_000_000 < last else { break }
      let open: [Injection] = planned.filter { $0.until > at }
      guard open.count < TortureLimits.faultsAtOnce, !open.contains(where: { $0.touches(injection) }) else { continue }
      planned.append(injection)
    }
    injections = planned
  }

  private static func target(_ kind: Injection.Kind, _ random: inout SeededRandom) -> Injection.Target {
    switch kind {
    case .cut, .oneWayCut, .delay, .loss:
      let from: Int = Int.random(in: 0..<3, using: &random)
      return .line(from: from, to: (from + Int.random(in: 1...2, using: &random)) % 3)
    case .kill, .freeze, .clock, .fullDisk:
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<25: return .leader
      case 25..<35 where kind != .fullDisk: return .members(TortureLayout.members(of: Int.random(in: 0..<3, using: &random)))
      case 35..<39 where kind == .kill: return .members(Array(TortureLayout.members.indices))
      default: return .members([Int.random(in: 0..<TortureLayout.members.count, using: &random)])
      }
    }
  }

  private static func amount(_ kind: Injection.Kind, _ random: inout SeededRandom) -> Int {
    switch kind {
    case .delay: Int.random(in: 20...500, using: &random)
    case .loss: Int.random(in: 10...300, using: &random)
    // Just booted; some days; three years.
    case .clock: [1, 400_000, 100_000_000][Int.random(in: 0..<3, using: &random)] + Int.random(in: 0...1_000, using: &random)
    case .kill, .freeze, .cut, .oneWayCut, .fullDisk: 0
    }
  }
}

extension Injection {
  /// Whether both change the same line or the same member; then they are not done at once.
  func touches(_ other: Injection) -> Bool {
    switch (target, other.target) {
    case (.line(let from, let to), .line(let otherFrom, let otherTo)): Set([from, to]) == Set([otherFrom, otherTo])
    case (.members(let members), .members(let others)): !Set(members).isDisjoint(with: others)
    case (.leader, .leader), (.leader, .members), (.members, .leader): true
    default: false
    }
  }
}
