import Primitives
import Site

/// What is said over the control socket: one line in, lines out, closed by `ok` or `error SENTENCE`.
///
///     set FROM TO delay=MICROSECONDS loss=PARTS rate=BITS cut=0|1
///     fault ID FROM TO for=MICROSECONDS delay=MICROSECONDS loss=PARTS rate=BITS cut=0|1 port=NUMBER every=MICROSECONDS
///     mend ID
///     show
///
/// A fault lies on top of what is set and ends by itself when its time is over; said again, it begins anew.
enum WideAreaControl {
  static func command(from: String, to: String, _ change: LinkSetting.Change) -> String {
    var line: String = "set \(from) \(to)"
    if let delay = change.delay { line += " delay=\(delay.inNanoseconds / 1_000)" }
    if let loss = change.loss { line += " loss=\(loss)" }
    if let rate = change.bitsPerSecond { line += " rate=\(rate)" }
    if let cut = change.cut { line += " cut=\(cut ? 1 : 0)" }
    return line
  }

  static func command(
    _ id: String, from: String, to: String, _ change: LinkSetting.Change, port: UInt16?, every: Duration? = nil, lease: Duration
  ) -> String {
    let said: Substring = command(from: from, to: to, change).dropFirst(4)
    return "fault \(id) \(said) for=\(lease.inNanoseconds / 1_000)" + (port.map { " port=\($0)" } ?? "")
      + (every.map { " every=\($0.inNanoseconds / 1_000)" } ?? "")
  }

  static func answer(_ line: String, _ network: inout WideAreaNetwork, now: MonotonicTime) -> String {
    let words: [Substring] = line.split(separator: " ")
    switch words.first {
    case "show": return show(network, now) + "ok\n"
    case "mend" where words.count == 2: return network.mend(String(words[1])) > 0 ? "ok\n" : "error no line has a fault \(words[1])\n"
    case "fault" where words.count > 4:
      guard let fault: LinkFault = fault(String(words[1]), words.dropFirst(4), now) else { return "error \(line) is not understood\n" }
      return network.inject(from: String(words[2]), to: String(words[3]), fault)
        ? "ok\n" : "error no line leads from \(words[2]) to \(words[3]), or too many faults are on it\n"
    case "set" where words.count >= 3:
      guard let change: LinkSetting.Change = parse(words.dropFirst(3)) else { return "error \(line) is not understood\n" }
      return network.change(from: String(words[1]), to: String(words[2]), change)
        ? "ok\n" : "error no line leads from \(words[1]) to \(words[2])\n"
    default: return "error \(line) is not understood\n"
    }
  }

  private static func fault(_ id: String, _ words: ArraySlice<Substring>, _ now: MonotonicTime) -> LinkFault? {
    func number(_ name: String) -> Int64? {
      words.first { $0.hasPrefix(name + "=") }.flatMap { Int64($0.dropFirst(name.count + 1)) }
    }
    let rest: [Substring] = words.filter { word in !["for=", "port=", "every="].contains { word.hasPrefix($0) } }
    guard let lease: Int64 = number("for"), lease > 0, lease <= 3_600_000_000, let change: LinkSetting.Change = parse(rest[...]) else {
      return nil
    }
    var fault = LinkFault(id: id, until: now + .microseconds(lease), change)
    if words.contains(where: { $0.hasPrefix("port=") }) {
      guard let port: Int64 = number("port"), (1...65_535).contains(port) else { return nil }
      fault.port = UInt16(port)
    }
    if words.contains(where: { $0.hasPrefix("every=") }) {
      guard let every: Int64 = number("every"), (1_000...3_600_000_000).contains(every) else { return nil }
      fault.every = .microseconds(every)
    }
    return fault
  }

  private static func parse(_ words: ArraySlice<Substring>) -> LinkSetting.Change? {
    var change = LinkSetting.Change()
    for word in words {
      let parts: [Substring] = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { return nil }
      switch parts[0] {
      case "delay":
        guard let value = Int64(parts[1]), value >= 0, value < 600_000_000 else { return nil }
        change.delay = .microseconds(value)
      case "loss":
        guard let value = Double(parts[1]), (0...1).contains(value) else { return nil }
        change.loss = value
      case "rate":
        guard let value = Int64(parts[1]), value >= 0 else { return nil }
        change.bitsPerSecond = value
      case "cut":
        guard let value = Int(parts[1]), (0...1).contains(value) else { return nil }
        change.cut = value == 1
      default: return nil
      }
    }
    return change
  }

  /// Lines as they are now, with what faults make of them; faults of single ports are only named.
  private static func show(_ network: WideAreaNetwork, _ now: MonotonicTime) -> String {
    var text: String = ""
    for from in network.places {
      for to in network.places where from != to {
        guard let (base, counters) = network.line(from: from, to: to) else { continue }
        var setting: LinkSetting = base
        for fault in network.faults(from: from, to: to, now: now) {
          if fault.port == nil, fault.isOn(now) { fault.worsen(&setting) }
          text += "fault \(fault.id) \(from) \(to) left=\((fault.until - now).inNanoseconds / 1_000)\n"
        }
        text += "line \(from) \(to) delay=\(setting.delay.inNanoseconds / 1_000) loss=\(setting.loss) rate=\(setting.bitsPerSecond)"
        text += " cut=\(setting.cut ? 1 : 0) carried=\(counters.carried) bytes=\(counters.carriedBytes) lost=\(counters.lost)"
        text += " overflowed=\(counters.overflowed) blocked=\(counters.blocked)\n"
      }
    }
    return text
  }
}

/// A line's state as `tricenter lab link` and `lab status` show it.
public struct LineReport: Hashable, Sendable {
  public var from: String
  public var to: String
  public var setting: LinkSetting
  public var carried: Int
  public var carriedBytes: Int
  public var lost: Int
  public var blocked: Int

  init?(_ text: Substring) {
    let words: [Substring] = text.split(separator: " ")
    guard words.count > 3, words[0] == "line" else { return nil }
    var values: [Substring: Substring] = [:]
    for word in words.dropFirst(3) {
      let parts: [Substring] = word.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    func number(_ key: Substring) -> Int { values[key].flatMap { Int($0) } ?? 0 }
    from = String(words[1])
    to = String(words[2])
    setting = LinkSetting(
      delay: .microseconds(number("delay")), loss: values["loss"].flatMap { Double($0) } ?? 0, bitsPerSecond: Int64(number("rate")),
      cut: number("cut") == 1)
    carried = number("carried")
    carriedBytes = number("bytes")
    lost = number("lost")
    blocked = number("blocked")
  }
}
