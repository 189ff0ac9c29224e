import KubeModel
import Primitives

/// Which objects one runner's writers know to be acknowledged, in little room: each writer numbers its objects one after the other, so
/// runs of numbers say it, and what an object holds follows from writer and number. UIDs are kept as a sum that does not depend on their
/// order.
struct WrittenRuns: Hashable, Sendable {
  /// Makes the names of one runner's objects unlike any other's.
  var life: String
  /// By writer.
  private(set) var runs: [[ClosedRange<Int>]]
  private(set) var uids: UInt64 = 0
  private(set) var count: Int = 0

  init(life: String, writers: Int) {
    self.life = life
    runs = Array(repeating: [], count: writers)
  }

  /// Each writer's numbers come in rising order.
  mutating func note(writer: Int, number: Int, uid: String) {
    count += 1
    uids &+= Self.mix(writer, number, uid)
    if let last: ClosedRange<Int> = runs[writer].last, last.upperBound + 1 == number {
      runs[writer][runs[writer].count - 1] = last.lowerBound...number
    } else {
      runs[writer].append(number...number)
    }
  }

  func contains(writer: Int, number: Int) -> Bool {
    runs.indices.contains(writer) && runs[writer].contains { $0.contains(number) }
  }

  func forEach(_ body: (_ writer: Int, _ number: Int) -> Void) {
    for (writer, own) in runs.enumerated() { for run in own { for number in run { body(writer, number) } } }
  }

  /// FNV-1a.
  static func mix(_ writer: Int, _ number: Int, _ uid: String) -> UInt64 {
    "\(writer)/\(number)/\(uid)".utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  }

  // MARK: As the run keeps it

  /// Nil when there are too many runs to be kept: then what was acknowledged cannot be looked for by another runner.
  var json: JSONValue? {
    guard runs.reduce(0, { $0 + $1.count }) <= DrillLimits.keptWrittenRuns else { return nil }
    let lists: [JSONValue] = runs.map { own in
      .array(own.map { [.int(Int64($0.lowerBound)), .int(Int64($0.upperBound))] })
    }
    return ["life": .string(life), "runs": .array(lists), "uids": .string(String(uids, radix: 16))]
  }

  init?(_ json: JSONValue) {
    guard let life: String = json["life"].string, let uids: UInt64 = json["uids"].string.flatMap({ UInt64($0, radix: 16) }) else {
      return nil
    }
    self.init(life: life, writers: 0)
    self.uids = uids
    for list in json["runs"].array {
      var own: [ClosedRange<Int>] = []
      for run in list.array {
        guard let first: Int64 = run[0].int, let last: Int64 = run[1].int, first > 0, last >= first, last < 1 << 40 else { return nil }
        own.append(Int(first)...Int(last))
      }
      runs.append(own)
    }
    count = runs.joined().reduce(0) { $0 + $1.count }
  }
}

/// What the writers write: names and contents follow from run, runner, writer and number, so that another runner knows them too.
enum WrittenObject {
  static func name(run: String, life: String, writer: Int, number: Int) -> String { "drill-\(run)-\(life)-\(writer)-\(number)" }

  /// Writer and number of a name, if it is of this life.
  static func place(_ name: String, run: String, life: String) -> (writer: Int, number: Int)? {
    let prefix: String = "drill-\(run)-\(life)-"
    guard name.hasPrefix(prefix) else { return nil }
    let parts: [Substring] = name.dropFirst(prefix.count).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let writer = Int(parts[0]), let number = Int(parts[1]) else { return nil }
    return (writer, number)
  }

  static func data(writer: Int, number: Int, payload: UInt64) -> [String: String] {
    ["writer": String(writer), "number": String(number), "payload": String(payload, radix: 16)]
  }

  /// The n-th is the n-th object's.
  static func payloads(writer: Int) -> SeededRandom { SeededRandom(seed: UInt64(writer) &+ 1) }
}
