import Primitives

/// Cuts a stream of bytes into lines: the frames of a watch over HTTP (one JSON document per line). Pure.
struct LineFramer {
  let limit: Int
  private var pending: Bytes = []
  /// Where to look for the next line end: bytes before it were looked at already.
  private var searched: Int = 0
  private var start: Int = 0

  init(limit: Int) { self.limit = limit }

  mutating func append(_ bytes: some Sequence<UInt8>) {
    if start > 0, start == pending.count || start > 1 << 16 {
      pending.removeFirst(start)
      searched -= start
      start = 0
    }
    pending.append(contentsOf: bytes)
  }

  /// The next whole line without its end, empty lines skipped; nil until more bytes come. Throws past the limit.
  mutating func next() throws -> Bytes? {
    while let end: Int = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
      let from: Int = start
      start = end + 1
      searched = start
      guard end - from <= limit else { throw tooLarge(end - from) }
      let last: Int = end > from && pending[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
      if last > from { return Bytes(pending[from..<last]) }
    }
    searched = pending.count
    guard pending.count - start <= limit else { throw tooLarge(pending.count - start) }
    return nil
  }

  /// Bytes of a line that has not ended.
  var unfinished: Int { pending.count - start }

  private func tooLarge(_ count: Int) -> KubeError {
    KubeError(.tooLarge, "A watch event has \(count) bytes or more; the limit is \(limit).")
  }
}
