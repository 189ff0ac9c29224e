/// A decoder, and what has to hold for whatever it is fed: an error or a value, never a trap, never without end; and what it takes it
/// gives back. Every module lists its own (`FuzzTarget.siteLink`); `tricenter fuzz` and the modules' tests feed them.
public struct FuzzTarget: Sendable {
  public let name: String
  /// Valid inputs, from which others are made.
  public let corpus: [Bytes]
  /// Words of the format, put in as they are: `"null"`, a frame's magic.
  public let words: [Bytes]
  /// True if the input was taken. Throws `FuzzFinding` when a rule is broken; refusing bad input is no finding.
  public let feed: @Sendable (Bytes) throws(FuzzFinding) -> Bool

  public init(_ name: String, corpus: [Bytes], words: [Bytes] = [], feed: @escaping @Sendable (Bytes) throws(FuzzFinding) -> Bool) {
    precondition(!corpus.isEmpty, "target \(name) has no valid input")
    self.name = name
    self.corpus = corpus
    self.words = words
    self.feed = feed
  }

  /// A decoder of whole messages: `decode` throws what it refuses.
  public static func whole<Value: SendableMetatype>(
    _ name: String, corpus: [Bytes], words: [Bytes] = [], decode: @escaping @Sendable (Bytes) throws -> Value
  ) -> FuzzTarget {
    FuzzTarget(name, corpus: corpus, words: words) { input throws(FuzzFinding) in
      do {
        _ = try decode(input)
        return true
      } catch {
        return false
      }
    }
  }

  /// A decoder with an encoder: what was taken, encoded and taken again must be the same. `canonical`: and the same bytes.
  public static func roundTrip<Value: Equatable & SendableMetatype>(
    _ name: String, corpus: [Bytes], words: [Bytes] = [], canonical: Bool = false, decode: @escaping @Sendable (Bytes) throws -> Value,
    encode: @escaping @Sendable (Value) -> Bytes
  ) -> FuzzTarget {
    FuzzTarget(name, corpus: corpus, words: words) { input throws(FuzzFinding) in
      guard let value: Value = try? decode(input) else { return false }
      let written: Bytes = encode(value)
      if canonical, written != input { throw FuzzFinding("what was taken is written in another way: \(written.prefix(64))") }
      do {
        let again: Value = try decode(written)
        guard again == value else { throw FuzzFinding("what was taken comes back as \("\(again)".prefix(200))") }
      } catch let finding as FuzzFinding {
        throw finding
      } catch {
        throw FuzzFinding("what was taken and written is refused: \(error)")
      }
      return true
    }
  }

  /// A decoder of a stream: in whatever pieces the bytes come, it must say the same. `decode` gives the pieces to a new decoder and tells
  /// everything that came of it, the refusal included.
  public static func stream<Output: Equatable & SendableMetatype>(
    _ name: String, corpus: [Bytes], words: [Bytes] = [], decode: @escaping @Sendable ([Bytes]) -> (output: Output, accepted: Bool)
  ) -> FuzzTarget {
    FuzzTarget(name, corpus: corpus, words: words) { input throws(FuzzFinding) in
      let whole: (output: Output, accepted: Bool) = decode([input])
      var random = SeededRandom(seed: UInt64(input.count) &* 0x9E37 &+ UInt64(CRC32C.checksum(input)))
      for pieces in [input.map { [$0] }, DripFeed.pieces(input, &random)] {
        let other: (output: Output, accepted: Bool) = decode(pieces)
        guard other.output == whole.output else {
          throw FuzzFinding(
            "in \(pieces.count) pieces it says \("\(other.output)".prefix(200)), in one \("\(whole.output)".prefix(200))")
        }
      }
      return whole.accepted
    }
  }
}

/// A rule that an input broke.
public struct FuzzFinding: Error, Hashable, Sendable, CustomStringConvertible {
  public var sentence: String
  public init(_ sentence: String) { self.sentence = sentence }
  public var description: String { sentence }
}

public enum DripFeed {
  /// The input in pieces of one to nine bytes.
  public static func pieces(_ input: Bytes, _ random: inout SeededRandom) -> [Bytes] {
    var pieces: [Bytes] = []
    var rest: ArraySlice<UInt8> = input[...]
    while !rest.isEmpty {
      let count: Int = min(rest.count, Int.random(in: 1...9, using: &random))
      pieces.append(Bytes(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return pieces
  }
}
