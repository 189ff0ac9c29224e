import Primitives

/// Objects of one resource in the order of their paths. A value in chunks: taking a snapshot costs a reference, and a change after it
/// copies one chunk of references, not the whole.
struct SortedObjects: Sendable {
  private var chunks: [[StoredObject]] = []
  private(set) var count: Int = 0
  private static let chunkLimit: Int = 256

  init() {}

  /// `objects` in order of their paths.
  init(sorted objects: [StoredObject]) {
    count = objects.count
    var start: Int = 0
    while start < objects.count {
      let end: Int = min(start + Self.chunkLimit / 2, objects.count)
      chunks.append(Array(objects[start..<end]))
      start = end
    }
  }

  /// The chunk that holds `path` or would: the last whose first path is not after it.
  private func chunkIndex(_ path: Bytes) -> Int {
    var low: Int = 0
    var high: Int = chunks.count
    while low < high {
      let middle: Int = (low + high) / 2
      if path.precedes(chunks[middle][0].path) { high = middle } else { low = middle + 1 }
    }
    return max(0, low - 1)
  }

  /// The first position in the chunk whose path is not before `path`.
  private static func lowerBound(_ chunk: [StoredObject], _ path: Bytes) -> Int {
    var low: Int = 0
    var high: Int = chunk.count
    while low < high {
      let middle: Int = (low + high) / 2
      if chunk[middle].path.precedes(path) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  subscript(path: Bytes) -> StoredObject? {
    guard !chunks.isEmpty else { return nil }
    let chunk: [StoredObject] = chunks[chunkIndex(path)]
    let index: Int = Self.lowerBound(chunk, path)
    return index < chunk.count && chunk[index].path == path ? chunk[index] : nil
  }

  /// Returns what stood there before.
  @discardableResult
  mutating func put(_ object: StoredObject) -> StoredObject? {
    guard !chunks.isEmpty else {
      chunks = [[object]]
      count = 1
      return nil
    }
    let at: Int = chunkIndex(object.path)
    let index: Int = Self.lowerBound(chunks[at], object.path)
    if index < chunks[at].count, chunks[at][index].path == object.path {
      let previous: StoredObject = chunks[at][index]
      chunks[at][index] = object
      return previous
    }
    chunks[at].insert(object, at: index)
    count += 1
    if chunks[at].count > Self.chunkLimit {
      let upper: [StoredObject] = Array(chunks[at][(Self.chunkLimit / 2)...])
      chunks[at].removeSubrange((Self.chunkLimit / 2)...)
      chunks.insert(upper, at: at + 1)
    }
    return nil
  }

  @discardableResult
  mutating func remove(_ path: Bytes) -> StoredObject? {
    guard !chunks.isEmpty else { return nil }
    let at: Int = chunkIndex(path)
    let index: Int = Self.lowerBound(chunks[at], path)
    guard index < chunks[at].count, chunks[at][index].path == path else { return nil }
    let removed: StoredObject = chunks[at].remove(at: index)
    if chunks[at].isEmpty { chunks.remove(at: at) }
    count -= 1
    return removed
  }

  var all: [StoredObject] { chunks.flatMap { $0 } }

  /// Walks from the first path not before `start` until `body` returns false.
  func walk(from start: Bytes, _ body: (StoredObject) -> Bool) {
    guard !chunks.isEmpty else { return }
    var at: Int = chunkIndex(start)
    var index: Int = Self.lowerBound(chunks[at], start)
    while at < chunks.count {
      while index < chunks[at].count {
        guard body(chunks[at][index]) else { return }
        index += 1
      }
      at += 1
      index = 0
    }
  }
}
