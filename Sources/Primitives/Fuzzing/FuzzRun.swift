/// Feeds one target inside this process: a bounded number of inputs, the same ones for the same seed. A trap ends the process, as in any
/// test; `tricenter fuzz` runs targets in processes of their own and keeps the input.
public struct FuzzRun: Sendable {
  public private(set) var inputs: Int = 0
  public private(set) var accepted: Int = 0
  private var mutator: Mutator
  private let target: FuzzTarget
  private var pending: [Bytes]

  public init(_ target: FuzzTarget, seed: UInt64) {
    self.target = target
    mutator = Mutator(seed: seed, corpus: target.corpus, words: target.words)
    pending = target.corpus.reversed()
  }

  public struct Found: Error, Sendable {
    public var finding: FuzzFinding
    public var input: Bytes
    public init(finding: FuzzFinding, input: Bytes) {
      self.finding = finding
      self.input = input
    }
  }

  /// The next input: the corpus first, each of which must be taken.
  public mutating func next() -> Bytes { pending.popLast() ?? mutator.next() }

  /// Feeds the next input.
  public mutating func step() throws(Found) {
    let isCorpus: Bool = !pending.isEmpty
    let input: Bytes = next()
    try feed(input, mustBeTaken: isCorpus)
  }

  public mutating func feed(_ input: Bytes, mustBeTaken: Bool = false) throws(Found) {
    inputs += 1
    do throws(FuzzFinding) {
      if try target.feed(input) {
        accepted += 1
        mutator.learn(input)
      } else if mustBeTaken {
        throw FuzzFinding("a valid input is refused")
      }
    } catch {
      throw Found(
        finding: error,
        input: Self.minimised(input) { candidate in
          do throws(FuzzFinding) {
            _ = try target.feed(candidate)
            return false
          } catch {
            return true
          }
        })
    }
  }

  /// A smaller input that still fails: parts are left out, half of it first, single bytes last; then bytes become zero. At most `attempts`
  /// calls of `fails`.
  public static func minimised(_ input: Bytes, attempts: Int = 2_000, fails: (Bytes) -> Bool) -> Bytes {
    var best: Bytes = input
    var left: Int = attempts
    var part: Int = max(1, input.count / 2)
    while part >= 1, left > 0 {
      var at: Int = 0
      while at < best.count, left > 0 {
        var candidate: Bytes = best
        candidate.removeSubrange(at..<min(best.count, at + part))
        left -= 1
        if fails(candidate) { best = candidate } else { at += part }
      }
      part = part == 1 ? 0 : part / 2
    }
    for index in best.indices where best[index] != 0 && left > 0 {
      var candidate: Bytes = best
      candidate[index] = 0
      left -= 1
      if fails(candidate) { best = candidate }
    }
    return best
  }
}
