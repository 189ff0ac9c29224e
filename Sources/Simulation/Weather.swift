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
    /// Production dies as a whole and comes back, or never does, disks included; nothing else happens.
    case productionLoss
    /// Nothing happens but disk stalls of 250 ms: nobody may start an election.
    case calm
    /// Leases with short lives, while leaders change, stand still and are cut off.
    case leases
    /// The far city is cut off and slow: writes that wait for it, and those that stop waiting.
    case cities
    /// Members are added, given votes and removed, one by one.
    case members
    /// Who votes is shrunk to three members and regrown, while links are cut.
    case joint
    /// A center's votes are taken and given back, by command and by policy, while centers die and are cut off.
    case shrink
    /// A majority is lost, by fire, by power or by a cut that leaves the old cluster alive; somebody makes the survivors a new one, and the
    /// old members come back.
    case recovery
    /// One host's disk flips bits, misdirects writes, lies about syncs, is full or fails.
    case disks
  }
  public var kind: Kind
  /// Of 1,000 messages.
  public var lost: Int = 0
  public var doubled: Int = 0
  /// Of 1,000 messages, delayed by up to 60 ms on top.
  public var late: Int = 0
  /// Faults drawn within the faulty time.
  public var faults: Int = 0
  /// Microseconds in which faults happen. Most histories are short: what breaks mostly breaks soon.
  public var span: Int64 = 0
  /// Entries of so many bytes and more cross to another center once (`WideArea`).
  public var relayedFrom: Int = 4096
  /// The history goes on until production leads.
  public var awaitsPriority: Bool = false

  public init(kind: Kind, random: inout SeededRandom) {
    self.kind = kind
    func draw(_ choices: [Int]) -> Int { choices[Int(random.next() % UInt64(choices.count))] }
    span = Int64(draw([900_000, 1_000_000, 1_100_000, 1_200_000, 1_200_000, 1_500_000, 1_800_000, 2_600_000]))
    let faultsPerSecond: Int
    switch kind {
    case .mixed:
      lost = draw([0, 0, 5, 50])
      doubled = draw([0, 5, 30])
      late = draw([0, 10, 100])
      faultsPerSecond = 5
    case .crashes:
      lost = draw([0, 0, 10])
      doubled = draw([0, 10])
      late = draw([0, 20])
      faultsPerSecond = 5
    case .links:
      lost = draw([0, 20, 150])
      doubled = draw([0, 20, 150])
      late = draw([20, 100, 300])
      faultsPerSecond = 4
    case .pauses:
      lost = draw([0, 5])
      late = draw([0, 20])
      faultsPerSecond = 5
    case .churn:
      lost = draw([20, 100, 250])
      doubled = draw([0, 20])
      late = draw([0, 100])
      faultsPerSecond = 9
    case .leases:
      lost = draw([0, 0, 20])
      span = Int64(draw([3_000_000, 4_000_000, 5_000_000]))
      // In some nothing happens but that leaders die just after a lease was kept alive at the last moment.
      faultsPerSecond = draw([0, 1, 2])
    case .cities:
      lost = draw([0, 0, 20])
      late = draw([0, 50])
      span = Int64(draw([1_500_000, 2_000_000, 3_000_000]))
      faultsPerSecond = 2
    case .members:
      lost = draw([0, 0, 10])
      span = Int64(draw([2_000_000, 3_000_000, 4_000_000]))
      faultsPerSecond = draw([0, 1, 2])
    case .joint:
      lost = draw([0, 0, 30])
      span = Int64(draw([1_500_000, 2_500_000]))
      faultsPerSecond = 5
    case .shrink:
      lost = draw([0, 0, 20])
      span = Int64(draw([2_000_000, 3_000_000, 4_000_000]))
      faultsPerSecond = draw([1, 2])
    case .recovery:
      lost = draw([0, 0, 20])
      span = Int64(draw([2_800_000, 3_400_000, 4_000_000]))
      faultsPerSecond = draw([0, 1, 2])
    case .disks: faultsPerSecond = 2
    case .productionLoss:
      span = 1_900_000
      faultsPerSecond = 0
    case .calm:
      span = 1_500_000
      faultsPerSecond = 0
    }
    faults = Int(Int64(faultsPerSecond) * span / 1_000_000)
    relayedFrom = draw([4096, 600, 200])
    awaitsPriority = kind == .calm || draw([0, 0, 0, 1]) == 1
  }

  public init(random: inout SeededRandom) {
    let kinds: [Kind] = [
      .mixed, .mixed, .crashes, .crashes, .links, .links, .churn, .churn, .pauses, .pauses, .productionLoss, .calm, .leases, .cities,
      .cities, .members, .joint, .joint, .shrink, .recovery, .recovery, .disks, .disks,
    ]
    self.init(kind: kinds[Int(random.next() % UInt64(kinds.count))], random: &random)
  }
}

enum Fault: Sendable {
  case crash([Int], downFor: Int64)
  case crashLeader(downFor: Int64)
  case crashInWrite(Int, downFor: Int64)
  /// A center burns down.
  case lose([Int])
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
  case badDisk(Int, DiskFault)
  case transfer(to: Int)
  /// The old leader does not hear that another leads already.
  case transferAndCut(to: Int)
  case resign
}

/// What one host's disk does, once.
enum DiskFault: Sendable, CaseIterable {
  case flipsBit, misdirects, lies, full, fails
}
