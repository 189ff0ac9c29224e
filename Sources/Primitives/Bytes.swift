/// Keys, values and encoded objects away from the wire. Compared with `memcmp` order by `lexicographicallyPrecedes`.
public typealias Bytes = [UInt8]

extension Array where Element == UInt8 {
  public init(_ text: String) { self = Array(text.utf8) }

  /// The bytes as text, with U+FFFD where they are not UTF-8: for messages, never for keys.
  public var text: String { String(decoding: self, as: UTF8.self) }

  /// The first key after every key that has this prefix (etcd's `range_end` for a prefix): the prefix with its last
  /// byte below 0xFF incremented and the rest cut; a single zero byte, "to the end of the keyspace", if there is none.
  public var prefixEnd: Bytes {
    var end: Bytes = self
    while let last: UInt8 = end.popLast() {
      if last < 0xFF {
        end.append(last + 1)
        return end
      }
    }
    return [0]
  }
}
