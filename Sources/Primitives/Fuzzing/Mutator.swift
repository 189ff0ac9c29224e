/// Makes inputs from valid ones: bits, lengths, splices, cuts, doubles, words of the format, noise. The same seed gives the same inputs.
public struct Mutator: Sendable {
  private var random: SeededRandom
  private let corpus: [Bytes]
  private let words: [Bytes]
  /// Inputs that were taken and are not in the corpus: what is made from them goes deeper.
  private var taken: [Bytes] = []
  private static let takenLimit: Int = 64
  /// Bytes of an input at most.
  public static let inputLimit: Int = 1 << 16

  public init(seed: UInt64, corpus: [Bytes], words: [Bytes] = []) {
    random = SeededRandom(seed: seed)
    self.corpus = corpus
    self.words = words
  }

  /// The decoder took this input.
  public mutating func learn(_ input: Bytes) {
    guard input.count <= 4_096, Int.random(in: 0..<8, using: &random) == 0 else { return }
    if taken.count < Self.takenLimit { taken.append(input) } else { taken[Int.random(in: 0..<Self.takenLimit, using: &random)] = input }
  }

  public mutating func next() -> Bytes {
    if Int.random(in: 0..<40, using: &random) == 0 { return noise(Int.random(in: 0...200, using: &random)) }
    var input: Bytes = pick()
    // Mostly one change: more of them are refused at the first.
    for _ in 0..<(Bool.random(using: &random) ? 1 : Int.random(in: 1...6, using: &random)) { change(&input) }
    return Bytes(input.prefix(Self.inputLimit))
  }

  private mutating func pick() -> Bytes {
    if !taken.isEmpty, Int.random(in: 0..<3, using: &random) == 0 { return taken[Int.random(in: 0..<taken.count, using: &random)] }
    return corpus[Int.random(in: 0..<corpus.count, using: &random)]
  }

  private mutating func noise(_ count: Int) -> Bytes { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
  private mutating func place(_ input: Bytes) -> Int { Int.random(in: 0..<input.count, using: &random) }

  private static let edges: [UInt8] = [0, 1, 2, 0x0A, 0x20, 0x22, 0x2E, 0x7F, 0x80, 0xC0, 0xFE, 0xFF]
  private static let numbers: [UInt64] = [
    0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
    0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
  ]

  private mutating func change(_ input: inout Bytes) {
    guard !input.isEmpty else {
      input = noise(Int.random(in: 1...8, using: &random))
      return
    }
    let at: Int = place(input)
    switch Int.random(in: 0..<13, using: &random) {
    case 0: input[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: input[at] = .random(in: 0...255, using: &random)
    case 2: input[at] = Self.edges.randomElement(using: &random) ?? 0
    case 3: input[at] &+= Bool.random(using: &random) ? 1 : 255
    case 4: changeNumber(&input, at)
    case 5: input.removeLast(input.count - at)
    case 6: input.removeSubrange(at..<min(input.count, at + Int.random(in: 1...16, using: &random)))
    case 7:
      let part: Bytes = Bytes(input[at..<min(input.count, at + Int.random(in: 1...32, using: &random))])
      input.insert(contentsOf: part, at: place(input))
    case 8:
      // The head of one and the tail of another.
      let other: Bytes = pick()
      input = Bytes(input.prefix(at)) + other.dropFirst(other.isEmpty ? 0 : place(other))
    case 9: input.insert(contentsOf: noise(Int.random(in: 1...8, using: &random)), at: at)
    case 10:
      let byte: UInt8 = Self.edges.randomElement(using: &random) ?? input[at]
      input.insert(contentsOf: Bytes(repeating: byte, count: Int.random(in: 1...300, using: &random)), at: at)
    case 11:
      guard let word: Bytes = words.randomElement(using: &random) else { return }
      // Many of the same make depth: `[[[[[`.
      let times: Int = Int.random(in: 0..<6, using: &random) == 0 ? Int.random(in: 2...200, using: &random) : 1
      for _ in 0..<times { input.insert(contentsOf: word, at: at) }
    default: input.swapAt(at, place(input))
    }
  }

  /// Something that may be a length becomes another: fixed width in either order, or base 128.
  private mutating func changeNumber(_ input: inout Bytes, _ at: Int) {
    var number: UInt64 = Self.numbers.randomElement(using: &random) ?? 0
    if Bool.random(using: &random) { number = number &+ UInt64(Int.random(in: 0...4, using: &random)) &- 2 }
    var bytes: Bytes = []
    switch Int.random(in: 0..<3, using: &random) {
    case 0:
      let width: Int = [2, 3, 4, 8].randomElement(using: &random) ?? 4
      bytes = (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
      if Bool.random(using: &random) { bytes.reverse() }
    case 1:
      repeat {
        bytes.append(UInt8(truncatingIfNeeded: number & 0x7F) | (number > 0x7F ? 0x80 : 0))
        number >>= 7
      } while number > 0
      // Base 128 takes the place of one that was there.
      var end: Int = at
      while end < input.count - 1, input[end] & 0x80 != 0 { end += 1 }
      input.replaceSubrange(at...end, with: bytes)
      return
    default: bytes = Bytes(String(number))
    }
    input.replaceSubrange(at..<min(input.count, at + bytes.count), with: bytes)
  }
}
