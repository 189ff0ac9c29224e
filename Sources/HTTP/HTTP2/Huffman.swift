/// HPACK's Huffman code (RFC 7541 section 5.2, appendix B). The code is canonical, so its lengths give the codes too. Only
/// decoding: what we send is plain, which costs a few bytes and spares both sides the work.
enum Huffman {
  /// Bits of each symbol's code; the last symbol is EOS.
  private static let lengths: [UInt8] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
  ]

  private struct Table: Sendable {
    /// By the next eight bits: length << 8 | symbol, 0 where the code is longer.
    var short: [UInt16] = Array(repeating: 0, count: 256)
    /// By length: the first code, how many there are, and where their symbols begin.
    var first: [UInt32] = Array(repeating: 0, count: 31)
    var count: [UInt32] = Array(repeating: 0, count: 31)
    var offset: [Int] = Array(repeating: 0, count: 31)
    var symbols: [UInt16] = []
  }

  private static let table: Table = {
    var table = Table()
    var code: UInt32 = 0
    for length in 5...30 {
      code <<= 1
      table.first[length] = code
      table.offset[length] = table.symbols.count
      for (symbol, bits) in lengths.enumerated() where Int(bits) == length {
        table.symbols.append(UInt16(symbol))
        if length <= 8 {
          let start = Int(code) << (8 - length)
          for index in start..<start + 1 << (8 - length) { table.short[index] = UInt16(length) << 8 | UInt16(symbol) }
        }
        code += 1
      }
      table.count[length] = UInt32(table.symbols.count - table.offset[length])
    }
    return table
  }()

  private static let endOfString: UInt16 = 256

  /// Appends the decoded bytes. False: a code that does not exist, EOS inside, or padding that is not the shortest run of ones.
  static func decode(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) -> Bool {
    let table: Table = Self.table
    return table.short.withUnsafeBufferPointer { short in
      var pending: UInt64 = 0
      var bits: Int = 0
      for byte in input {
        pending = pending << 8 | UInt64(byte)
        bits += 8
        while bits >= 8 {
          let entry: UInt16 = short[Int(pending >> (bits - 8) & 0xFF)]
          if entry != 0 {
            output.append(UInt8(truncatingIfNeeded: entry))
            bits -= Int(entry >> 8)
            continue
          }
          guard let (symbol, length) = long(table, pending, bits) else {
            if bits >= 30 { return false }
            break
          }
          if symbol == endOfString { return false }
          output.append(UInt8(truncatingIfNeeded: symbol))
          bits -= length
        }
      }
      // Fewer than eight bits are left: short codes, then ones.
      while bits > 0, bits < 8 {
        let ones: UInt64 = 0xFF >> bits
        let entry: UInt16 = short[Int((pending << (8 - bits) | ones) & 0xFF)]
        let length = Int(entry >> 8)
        guard entry != 0, length <= bits else { break }
        output.append(UInt8(truncatingIfNeeded: entry))
        bits -= length
      }
      let mask: UInt64 = (1 << UInt64(min(bits, 8))) - 1
      return bits < 8 && pending & mask == mask
    }
  }

  private static func long(_ table: Table, _ pending: UInt64, _ bits: Int) -> (symbol: UInt16, length: Int)? {
    var length: Int = 9
    while length <= min(bits, 30) {
      let code = UInt32(truncatingIfNeeded: pending >> (bits - length) & ((1 << length) - 1))
      if code >= table.first[length], code - table.first[length] < table.count[length] {
        return (table.symbols[table.offset[length] + Int(code - table.first[length])], length)
      }
      length += 1
    }
    return nil
  }
}
