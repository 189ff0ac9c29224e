import Primitives

extension FuzzTarget {
  /// The lines of a watch.
  public static var kubeClient: [FuzzTarget] {
    [
      .stream("watch-lines", corpus: [Bytes("{\"a\":1}\n\r\n{}\r\nlast"), Bytes("\n\n")], words: [Bytes("\n"), Bytes("\r\n")]) { pieces in
        var framer = LineFramer(limit: 64)
        var lines: [Bytes] = []
        do {
          for piece in pieces {
            framer.append(piece)
            while let line: Bytes = try framer.next() { lines.append(line) }
          }
          return (lines, true)
        } catch {
          return (lines + [Bytes("refused")], false)
        }
      }
    ]
  }
}
