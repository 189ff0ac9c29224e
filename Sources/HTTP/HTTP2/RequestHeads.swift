/// Heads that a connection has seen, by the bytes of their header block. A client that calls the same few methods again sends the
/// same eight or ten indexes into the dynamic table: comparing them is cheaper than decoding and judging them.
struct RequestHeads {
  /// A block of indexes only, 32 bytes at most. Such a block changes no table, so equal bytes mean equal fields until another
  /// kind of block comes.
  struct Key: Equatable {
    var count: Int
    var words: (UInt64, UInt64, UInt64, UInt64)

    init?(_ bytes: UnsafeRawBufferPointer) {
      guard bytes.count <= 32 else { return nil }
      count = bytes.count
      words = (0, 0, 0, 0)
      let onlyIndexes: Bool = withUnsafeMutableBytes(of: &words) { target in
        for index in 0..<bytes.count {
          let byte: UInt8 = bytes[index]
          // An index of one byte (RFC 7541 section 6.1).
          if byte < 0x80 || byte == 0xFF { return false }
          target[index] = byte
        }
        return true
      }
      if !onlyIndexes { return nil }
    }

    static func == (left: Key, right: Key) -> Bool { left.count == right.count && left.words == right.words }
  }

  private static let limit: Int = 8
  private var known: [(key: Key, judged: RequestRules.Judged)] = []
  private var next: Int = 0
  /// `HeaderDecoder.changes` when these were decoded.
  private var changes: Int = 0

  mutating func find(_ key: Key, changes: Int) -> RequestRules.Judged? {
    guard self.changes == changes else {
      known.removeAll(keepingCapacity: true)
      self.changes = changes
      return nil
    }
    for entry in known where entry.key == key { return entry.judged }
    return nil
  }

  mutating func remember(_ key: Key, _ judged: RequestRules.Judged) {
    if known.count < Self.limit {
      known.append((key, judged))
    } else {
      known[next] = (key, judged)
      next = (next + 1) % Self.limit
    }
  }
}
