/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes at a time by table.
public enum CRC32C {
  private static let tables: [[UInt32]] = {
    var tables: [[UInt32]] = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
    for index in 0..<256 {
      var value = UInt32(index)
      for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
      tables[0][index] = value
    }
    for index in 0..<256 {
      for table in 1..<8 {
        let previous: UInt32 = tables[table - 1][index]
        tables[table][index] = (previous >> 8) ^ tables[0][Int(previous & 0xFF)]
      }
    }
    return tables
  }()
  private static let flat: [UInt32] = tables.flatMap { $0 }

  /// The checksum of `bytes` continued from `seed` (the checksum of what came before; 0 at the start).
  public static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    var crc: UInt32 = ~seed
    flat.withUnsafeBufferPointer { table in
      var index: Int = 0
      while index + 8 <= bytes.count {
        let word: UInt64 = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian ^ UInt64(crc)
        crc =
          table[1792 + Int(word & 0xFF)] ^ table[1536 + Int(word >> 8 & 0xFF)] ^ table[1280 + Int(word >> 16 & 0xFF)]
          ^ table[1024 + Int(word >> 24 & 0xFF)]
        crc ^=
          table[768 + Int(word >> 32 & 0xFF)] ^ table[512 + Int(word >> 40 & 0xFF)] ^ table[256 + Int(word >> 48 & 0xFF)]
          ^ table[Int(word >> 56)]
        index += 8
      }
      while index < bytes.count {
        crc = (crc >> 8) ^ table[Int((crc ^ UInt32(bytes[index])) & 0xFF)]
        index += 1
      }
    }
    return ~crc
  }

  public static func checksum(_ bytes: Bytes, seed: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { checksum($0, seed: seed) }
  }
}
