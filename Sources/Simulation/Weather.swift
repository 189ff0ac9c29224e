import Primitives

/// What a history has to go through; drawn from the seed.
public struct Weather: Sendable, Hashable {
  public enum Kind: String, Sendable, CaseIterable {
    /// A bit of everything.
    case mixed
    /// Members die, alone, by center, and all at once.
    case crashes
    /// Links are cut, one-way and two-way, and lose, delay, double and reorder.
    case links
    /// Processes stand still and disks are slow.
    case pauses
    /// Whoever leads is soon cut off or dead, with short timeouts and lossy links: many terms, logs that diverge.
    case churn
    /// Production dies as a whole and comes back; nothing else happens.
    case productionLoss
    /// Nothing happens but disk stalls of 250 ms: nobody may start an election.
    case calm
  }
  public var kind: Kind
  /// Of 1,000 messages.
  public var lost: Int
  public var doubled: Int
  /// Of 1,000 messages, delayed by up to 60 ms on top.
  public var late: Int
  /// Faults drawn within the faulty time.
  public var faults: Int

  public init(kind: Kind, random: inout SeededRandom) {
    self.kind = kind
    func draw(_ choices: [Int]) -> Int { choices[Int(random.next() % UInt64(choices.count))] }
    switch kind {
    case .mixed:
      lost = draw([0, 0, 5, 50])
      doubled = draw([0, 5, 30])
      late = draw([0, 10, 100])
      faults = draw([4, 6, 8])
    case .crashes:
      lost = draw([0, 0, 10])
      doubled = draw([0, 10])
      late = draw([0, 20])
      faults = draw([4, 6, 9])
    case .links:
      lost = draw([0, 20, 150])
      doubled = draw([0, 20, 150])
      late = draw([20, 100, 300])
      faults = draw([3, 5, 7])
    case .pauses:
      lost = draw([0, 5])
      doubled = 0
      late = draw([0, 20])
      faults = draw([4, 6, 8])
    case .churn:
      lost = draw([20, 100, 250])
      doubled = draw([0, 20])
      late = draw([0, 100])
      faults = draw([8, 12, 16])
    case .productionLoss, .calm:
      lost = 0
      doubled = 0
      late = 0
      faults = 0
    }
  }

  init(random: inout SeededRandom) {
    let kinds: [Kind] = [
      .mixed, .mixed, .mixed, .crashes, .crashes, .links, .links, .churn, .churn, .pauses, .pauses, .productionLoss, .calm,
    ]
    self.init(kind: kinds[Int(random.next() % UInt64(kinds.count))], random: &random)
  }
}

enum Fault: Sendable {
  case crash([Int], downFor: Int64)
  case crashLeader(downFor: Int64)
  case crashInWrite(Int, downFor: Int64)
  /// Directed pairs.
  case cut([(Int, Int)], lasting: Int64)
  case cutLeader(lasting: Int64)
  case pause(Int, lasting: Int64)
  /// The leader stands still and wakes up before it hears of its successor.
  case freezeLeader(lasting: Int64)
  /// All disks hang for a while, then the power goes.
  case brownout(hanging: Int64, by: Int64)
  /// Every sync takes this much longer.
  case slowDisk(Int, by: Int64, lasting: Int64)
  case transfer(to: Int)
  case resign
}
