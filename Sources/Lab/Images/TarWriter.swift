import Primitives

/// POSIX ustar (IEEE Std 1003.1-2017, pax, "ustar Interchange Format"), as much as image layers need. Entries have the time 0, so
/// that equal contents have equal digests.
struct TarWriter {
  private(set) var bytes: Bytes = []

  mutating func directory(_ path: String) { header(path + "/", type: 53, mode: 0o755, size: 0, link: "") }
  mutating func link(_ path: String, to target: String) { header(path, type: 50, mode: 0o777, size: 0, link: target) }
  mutating func file(_ path: String, mode: Int = 0o644, _ content: Bytes) {
    header(path, type: 48, mode: mode, size: content.count, link: "")
    bytes += content
    pad()
  }

  /// Two empty blocks end an archive.
  mutating func finish() -> Bytes {
    bytes += Bytes(repeating: 0, count: 1_024)
    return bytes
  }

  private mutating func pad() {
    let rest: Int = bytes.count % 512
    if rest != 0 { bytes += Bytes(repeating: 0, count: 512 - rest) }
  }

  private mutating func header(_ path: String, type: UInt8, mode: Int, size: Int, link: String) {
    precondition(path.utf8.count < 100 && link.utf8.count < 100, "a name of more than 99 bytes needs pax headers: \(path)")
    var block = Bytes(repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) { for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte } }
    func octal(_ value: Int, digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: digits - text.count) + text
    }
    put(path, at: 0)
    put(octal(mode, digits: 7), at: 100)
    put(octal(0, digits: 7), at: 108)
    put(octal(0, digits: 7), at: 116)
    put(octal(size, digits: 11), at: 124)
    put(octal(0, digits: 11), at: 136)
    put("        ", at: 148)
    block[156] = type
    put(link, at: 157)
    put("ustar", at: 257)
    put("00", at: 263)
    let sum: Int = block.reduce(0) { $0 + Int($1) }
    put(octal(sum, digits: 6), at: 148)
    block[154] = 0
    block[155] = 32
    bytes += block
  }
}
