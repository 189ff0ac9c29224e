import Primitives

/// Lines as the runtime writes them: `2026-11-22T10:00:00.123456789Z stdout F text`, `P` for a part of a line that goes on.
/// Source: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
public enum ContainerLog {
  public struct Entry: Hashable, Sendable {
    public var time: String
    public var stream: String
    public var partial: Bool
    public var text: Bytes
  }

  /// Nil for a line that is not of that form.
  public static func parse(_ line: ArraySlice<UInt8>) -> Entry? {
    let parts: [ArraySlice<UInt8>] = line.split(separator: 32, maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count >= 3 else { return nil }
    let stream: String = Bytes(parts[1]).text
    guard stream == "stdout" || stream == "stderr" else { return nil }
    let tags: [ArraySlice<UInt8>] = parts[2].split(separator: 58)
    return Entry(
      time: Bytes(parts[0]).text, stream: stream, partial: tags.first?.first == 80, text: parts.count > 3 ? Bytes(parts[3]) : [])
  }

  /// The line is not a part that goes on: its tag, the third word, does not begin with P.
  static func endsLine(_ line: ArraySlice<UInt8>) -> Bool {
    guard let first: Int = line.firstIndex(of: 32), let second: Int = line[(first + 1)...].firstIndex(of: 32), second + 1 < line.endIndex
    else { return false }
    return line[second + 1] != 80
  }

  /// What a reader of logs asked for (k8s: PodLogOptions).
  public struct Options: Hashable, Sendable {
    public var follow: Bool = false
    public var timestamps: Bool = false
    public var tailLines: Int?
    public var limitBytes: Int?
    public var sinceTime: WallTime?
    public var previous: Bool = false
    public init() {}
  }

  /// The text to send for one chunk of whole lines.
  public static func render(_ lines: [ArraySlice<UInt8>], _ options: Options, continued: inout Bool) -> Bytes {
    var out: Bytes = []
    for line in lines {
      guard let entry: Entry = parse(line) else { continue }
      if let since: WallTime = options.sinceTime, let at = WallTime(rfc3339: entry.time), at < since { continue }
      if options.timestamps, !continued { out += Bytes(entry.time) + [32] }
      out += entry.text
      continued = entry.partial
      if !entry.partial { out.append(10) }
    }
    return out
  }

  /// What a container said last, without times and streams.
  static func end(of path: String, lines count: Int, bytes: Int) -> String {
    let text: Bytes = Files.tail(path, bytes: 4 * bytes + 64 * count)
    let lines: [ArraySlice<UInt8>] = text.split(separator: 10)
    var continued: Bool = false
    let said: Bytes = render(Array(tail(lines, count)), Options(), continued: &continued)
    return Bytes(said.suffix(bytes)).text
  }

  /// The last `count` lines, parts of one line counted once.
  public static func tail(_ lines: [ArraySlice<UInt8>], _ count: Int) -> ArraySlice<ArraySlice<UInt8>> {
    guard count > 0 else { return [] }
    var left: Int = count
    var index: Int = lines.count
    while index > 0 {
      let entry: Entry? = parse(lines[index - 1])
      if let entry, !entry.partial {
        if left == 0 { break }
        left -= 1
      }
      index -= 1
    }
    return lines[index...]
  }
}
