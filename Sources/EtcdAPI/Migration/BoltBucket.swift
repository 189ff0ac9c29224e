import Keyspace
import Primitives

/// One bucket of a bbolt database, walked from its first key to its last.
public struct BoltBucket {
  enum Pages {
    case tree(UInt64)
    /// The bucket's only page, inside its parent's value.
    case inline(Range<Int>)
  }
  private let file: BoltFile
  private let pages: Pages
  let name: String
  /// Branches of etcd's databases are three to five deep.
  private static let depth: Int = 32

  init(_ file: BoltFile, pages: Pages, name: String) {
    self.file = file
    self.pages = pages
    self.name = name
  }

  private enum Element {
    case pair(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
    case bucket(key: UnsafeRawBufferPointer, BoltBucket)
  }

  /// Calls `body` with every key and value, in order of keys; they are valid during the call. Buckets inside are passed over.
  /// - Throws: `.malformed` where pages or keys are not what bbolt writes; what `body` throws.
  public func forEach(_ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Void) throws {
    try walk { element in
      if case .pair(let key, let value) = element { try body(key, value) }
    }
  }

  /// The buckets inside, in order of their names.
  public func buckets() throws -> [(name: String, bucket: BoltBucket)] {
    var found: [(name: String, bucket: BoltBucket)] = []
    try walk { element in
      guard case .bucket(let key, let bucket) = element else { return }
      guard let name = String(validating: key, as: UTF8.self) else { throw file.damage("a bucket's name is no text") }
      found.append((name, bucket))
    }
    return found
  }

  private func walk(_ body: (Element) throws -> Void) throws {
    var last: Bytes?
    switch pages {
    case .inline(let range): try walkPage(range, depth: 0, &last, body)
    case .tree(let number): try walkPage(try file.page(number), depth: 0, &last, body)
    }
  }

  private func walkPage(_ page: Range<Int>, depth: Int, _ last: inout Bytes?, _ body: (Element) throws -> Void) throws {
    guard depth < Self.depth else { throw file.damage("bucket \(name) is more than \(Self.depth) pages deep") }
    let (flags, count): (UInt16, Int) = (file.u16(page.lowerBound + 8), Int(file.u16(page.lowerBound + 10)))
    let elements: Int = page.lowerBound + BoltFile.pageHeaderBytes
    guard elements + count * BoltFile.elementBytes <= page.upperBound else {
      throw file.damage("a page of bucket \(name) has \(count) elements, more than fit it")
    }
    switch flags {
    case 1:
      for number in 0..<count {
        let element: Int = elements + number * BoltFile.elementBytes
        // Its key is the first one below it, or one before that: what counts is the order of the leaves.
        try walkPage(try file.page(file.u64(element + 8)), depth: depth + 1, &last, body)
      }
    case 2:
      for number in 0..<count { try leaf(elements + number * BoltFile.elementBytes, page, &last, body) }
    default: throw file.damage("a page of bucket \(name) is neither branch nor leaf (flags \(flags))")
    }
  }

  private func leaf(_ element: Int, _ page: Range<Int>, _ last: inout Bytes?, _ body: (Element) throws -> Void) throws {
    let flags: UInt32 = file.u32(element)
    let key: Int = element + Int(file.u32(element + 4))
    let value: Int = key + Int(file.u32(element + 8))
    let end: Int = value + Int(file.u32(element + 12))
    guard end <= page.upperBound, flags <= 1 else { throw file.damage("an element of bucket \(name) reaches beyond its page") }
    let name: UnsafeRawBufferPointer = file.slice(key..<value)
    let current = Bytes(name)
    if let last, !last.precedes(current) { throw file.damage("keys of bucket \(self.name) are out of order") }
    last = current
    guard flags == 1 else { return try body(.pair(key: name, value: file.slice(value..<end))) }
    guard end - value >= 16 else { throw file.damage("a bucket's header in \(self.name) is cut short") }
    let root: UInt64 = file.u64(value)
    let inside: String = String(decoding: name, as: UTF8.self)
    if root != 0 { return try body(.bucket(key: name, BoltBucket(file, pages: .tree(root), name: inside))) }
    guard end - value >= 16 + BoltFile.pageHeaderBytes else { throw file.damage("the page inside bucket \(inside) is cut short") }
    try body(.bucket(key: name, BoltBucket(file, pages: .inline(value + 16..<end), name: inside)))
  }
}
