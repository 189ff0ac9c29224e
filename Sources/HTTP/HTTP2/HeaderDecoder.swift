/// Why a header block cannot be decoded; a connection error of type COMPRESSION_ERROR (RFC 9113 section 4.3).
struct HPACKFailure: Error, Equatable {
  let reason: String
}

/// Decodes header blocks (RFC 7541). Strings enter the dynamic table once and are shared by every block that refers to them.
struct HeaderDecoder {
  struct Block {
    var fields: [HeaderField] = []
    /// Names, values and 32 bytes each (RFC 9113 section 6.5.2).
    var size: Int = 0
    /// More than the limits allow: `fields` is not whole, the tables are in step all the same.
    var isTooLarge: Bool = false
  }

  private struct Entry {
    var field: HeaderField
    /// From the bytes on the wire: repaired UTF-8 may be longer.
    var size: Int
  }

  /// What the peer may keep here: HTTP/2's default, which we do not change.
  static let tableLimit: Int = 4096
  /// An entry counts 32 bytes more than its strings, so that a table of 4096 bytes holds 128 at most.
  private static let slots: Int = tableLimit / 32

  private let byteLimit: Int
  private let fieldLimit: Int
  private var entries: [Entry] = []
  private var inserted: Int = 0
  private(set) var count: Int = 0
  private(set) var size: Int = 0
  private var capacity: Int = Self.tableLimit
  private var scratch: [UInt8] = []
  /// Grows with every change of the dynamic table: what was decoded from indexes before holds as long as it stands still.
  private(set) var changes: Int = 0

  init(byteLimit: Int, fieldLimit: Int) {
    self.byteLimit = byteLimit
    self.fieldLimit = fieldLimit
  }

  mutating func decode(_ bytes: UnsafeRawBufferPointer) throws(HPACKFailure) -> Block {
    var block = Block()
    block.fields.reserveCapacity(12)
    var cursor = Cursor(bytes)
    var begun: Bool = false
    while !cursor.isAtEnd {
      let first: UInt8 = bytes[cursor.position]
      if first & 0x80 != 0 {
        let index: Int = try cursor.integer(prefix: 7)
        let entry: Entry = try entry(index)
        add(entry.field, entry.size, to: &block)
      } else if first & 0xC0 == 0x40 {
        let entry: Entry = try literal(&cursor, prefix: 6)
        add(entry.field, entry.size, to: &block)
        insert(entry)
      } else if first & 0xE0 == 0x20 {
        if begun { throw HPACKFailure(reason: "a table size update inside a header block") }
        let wanted: Int = try cursor.integer(prefix: 5)
        guard wanted <= Self.tableLimit else {
          throw HPACKFailure(reason: "a table size update to \(wanted) bytes, over \(Self.tableLimit)")
        }
        capacity = wanted
        changes += 1
        evict(toFit: 0)
        continue
      } else {
        var entry: Entry = try literal(&cursor, prefix: 4)
        entry.field.sensitive = first & 0xF0 == 0x10
        add(entry.field, entry.size, to: &block)
      }
      begun = true
    }
    return block
  }

  private func add(_ field: HeaderField, _ size: Int, to block: inout Block) {
    block.size += size
    if block.size > byteLimit || block.fields.count >= fieldLimit {
      block.isTooLarge = true
    } else {
      block.fields.append(field)
    }
  }

  private func entry(_ index: Int) throws(HPACKFailure) -> Entry {
    if index > 0, index <= HPACKStaticTable.count {
      let field: HeaderField = HPACKStaticTable.fields[index - 1]
      return Entry(field: field, size: field.name.utf8.count + field.value.utf8.count + 32)
    }
    let place: Int = index - HPACKStaticTable.count
    guard place > 0, place <= count else { throw HPACKFailure(reason: "index \(index) is in no table") }
    return entries[(inserted - place) & (Self.slots - 1)]
  }

  private mutating func literal(_ cursor: inout Cursor, prefix: Int) throws(HPACKFailure) -> Entry {
    let index: Int = try cursor.integer(prefix: prefix)
    var size: Int = 32
    let name: String
    if index == 0 {
      name = try string(&cursor, &size)
    } else {
      let named: Entry = try entry(index)
      name = named.field.name
      size = named.size - wireSize(ofValue: named)
    }
    let value: String = try string(&cursor, &size)
    return Entry(field: HeaderField(name: name, value: value), size: size)
  }

  /// Names that came as broken UTF-8 are refused by the rules for heads, so that a name's size is its length.
  private func wireSize(ofValue entry: Entry) -> Int { max(0, entry.size - 32 - entry.field.name.utf8.count) }

  private mutating func string(_ cursor: inout Cursor, _ size: inout Int) throws(HPACKFailure) -> String {
    let (bytes, huffman): (UnsafeRawBufferPointer, Bool) = try cursor.string()
    guard huffman else {
      size += bytes.count
      return String(decoding: bytes, as: UTF8.self)
    }
    scratch.removeAll(keepingCapacity: true)
    guard Huffman.decode(bytes, into: &scratch) else { throw HPACKFailure(reason: "a string that is not valid Huffman code") }
    size += scratch.count
    return String(decoding: scratch, as: UTF8.self)
  }

  private mutating func insert(_ entry: Entry) {
    changes += 1
    evict(toFit: entry.size)
    // Larger than the whole table: that empties it and is no error (RFC 7541 section 4.4).
    guard entry.size <= capacity else { return }
    if entries.isEmpty {
      entries = Array(repeating: Entry(field: HeaderField(name: "", value: ""), size: 0), count: Self.slots)
    }
    entries[inserted & (Self.slots - 1)] = entry
    inserted += 1
    count += 1
    size += entry.size
  }

  private mutating func evict(toFit wanted: Int) {
    while count > 0, size + wanted > capacity {
      let oldest: Int = (inserted - count) & (Self.slots - 1)
      size -= entries[oldest].size
      entries[oldest].field = HeaderField(name: "", value: "")
      count -= 1
    }
  }

  private struct Cursor {
    let bytes: UnsafeRawBufferPointer
    var position: Int = 0
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }
    var isAtEnd: Bool { position == bytes.count }

    /// RFC 7541 section 5.1; more than 28 bits are of no use to anybody.
    mutating func integer(prefix: Int) throws(HPACKFailure) -> Int {
      guard position < bytes.count else { throw HPACKFailure(reason: "a header block that ends inside a field") }
      let mask: Int = 1 << prefix - 1
      var value: Int = Int(bytes[position]) & mask
      position += 1
      guard value == mask else { return value }
      var shift: Int = 0
      while true {
        guard position < bytes.count else { throw HPACKFailure(reason: "a header block that ends inside an integer") }
        guard shift <= 21 else { throw HPACKFailure(reason: "an integer of more than 28 bits") }
        let byte: UInt8 = bytes[position]
        position += 1
        value += Int(byte & 0x7F) << shift
        if byte & 0x80 == 0 { return value }
        shift += 7
      }
    }

    mutating func string() throws(HPACKFailure) -> (UnsafeRawBufferPointer, huffman: Bool) {
      guard position < bytes.count else { throw HPACKFailure(reason: "a header block that ends before a string") }
      let huffman: Bool = bytes[position] & 0x80 != 0
      let length: Int = try integer(prefix: 7)
      guard length <= bytes.count - position else { throw HPACKFailure(reason: "a header block that ends inside a string") }
      defer { position += length }
      return (UnsafeRawBufferPointer(rebasing: bytes[position..<position + length]), huffman)
    }
  }
}
