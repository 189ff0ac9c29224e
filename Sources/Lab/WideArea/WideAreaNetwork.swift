import Primitives
import Site

/// The lines between the places of a lab, as a value: packets in with the time, packets out when they are due. Every direction
/// is a line of its own: first in, first out, with a delay, a loss, a rate and a bounded queue.
public struct WideAreaNetwork: Sendable {
  public struct Counters: Hashable, Sendable {
    public var carried: Int = 0
    public var carriedBytes: Int = 0
    /// By loss, by a full queue, because the line is cut.
    public var lost: Int = 0
    public var overflowed: Int = 0
    public var blocked: Int = 0
  }

  private struct Line {
    var setting = LinkSetting()
    /// Faults on top of it, each until its deadline.
    var faults: [LinkFault] = []
    var counters = Counters()
    /// When the last bit of what was accepted so far has left.
    var sendingUntil = MonotonicTime(nanoseconds: 0)
    var lastDue = MonotonicTime(nanoseconds: 0)
    /// By due time; packets of a slowed port overtake nobody of that port, others do overtake them.
    var waiting: [(due: MonotonicTime, packet: Bytes)] = []
    var head: Int = 0
    var waitingBytes: Int = 0
  }

  public let places: [String]
  private let ranges: [(range: IPRange, place: Int)]
  private var lines: [Line]
  private var random: SeededRandom
  /// Packets from or to addresses of no place.
  public private(set) var strays: Int = 0

  /// `ranges`: which addresses lie where. Loss is drawn from `seed`.
  public init(places: [(name: String, ranges: [IPRange])], seed: UInt64) {
    precondition(Limits.linkQueueBytes > Limits.packetBytes, "a queue must hold the largest packet")
    self.places = places.map(\.name)
    self.ranges = places.enumerated().flatMap { index, place in place.ranges.map { ($0, index) } }
    self.lines = Array(repeating: Line(), count: places.count * places.count)
    self.random = SeededRandom(seed: seed)
  }

  private func index(_ from: Int, _ to: Int) -> Int { from * places.count + to }

  /// Changes one direction. Returns false for a place that does not exist.
  public mutating func change(from: String, to: String, _ change: LinkSetting.Change) -> Bool {
    guard let source: Int = places.firstIndex(of: from), let target: Int = places.firstIndex(of: to), source != target else { return false }
    let line: Int = index(source, target)
    lines[line].setting.apply(change)
    if change.cut == true { dropWaiting(line) }
    return true
  }

  /// What is on a line that breaks is gone.
  private mutating func dropWaiting(_ line: Int) {
    lines[line].counters.blocked += lines[line].waiting.count - lines[line].head
    lines[line].waiting = []
    lines[line].head = 0
    lines[line].waitingBytes = 0
  }

  /// Lays a fault on one direction until its deadline; one that is there already is renewed. Returns false for a place that does not exist.
  public mutating func inject(from: String, to: String, _ fault: LinkFault) -> Bool {
    guard let source: Int = places.firstIndex(of: from), let target: Int = places.firstIndex(of: to), source != target else { return false }
    let line: Int = index(source, target)
    if let place: Int = lines[line].faults.firstIndex(where: { $0.id == fault.id }) {
      let lastDue: MonotonicTime = lines[line].faults[place].lastDue
      lines[line].faults[place] = fault
      lines[line].faults[place].lastDue = lastDue
      return true
    }
    guard lines[line].faults.count < Limits.faultsPerLine else { return false }
    lines[line].faults.append(fault)
    if fault.cut, fault.port == nil, fault.every == nil { dropWaiting(line) }
    return true
  }

  /// Takes a fault from all lines. Returns on how many it was.
  public mutating func mend(_ id: String) -> Int {
    var count: Int = 0
    for line in lines.indices {
      let before: Int = lines[line].faults.count
      lines[line].faults.removeAll { $0.id == id }
      count += before - lines[line].faults.count
    }
    return count
  }

  /// The faults of one direction that are in force.
  public func faults(from: String, to: String, now: MonotonicTime) -> [LinkFault] {
    guard let source: Int = places.firstIndex(of: from), let target: Int = places.firstIndex(of: to) else { return [] }
    return lines[index(source, target)].faults.filter { $0.until > now }
  }

  public func line(from: String, to: String) -> (setting: LinkSetting, counters: Counters)? {
    guard let source: Int = places.firstIndex(of: from), let target: Int = places.firstIndex(of: to) else { return nil }
    let line: Line = lines[index(source, target)]
    return (line.setting, line.counters)
  }

  private func place(of address: IPAddress) -> Int? { ranges.first { $0.range.contains(address) }?.place }

  /// Accepts an IPv4 packet at `now`: it is queued, or lost.
  public mutating func onPacket(_ packet: Bytes, now: MonotonicTime) {
    guard packet.count >= 20, packet[0] >> 4 == 4, let from: Int = place(of: Self.address(packet, at: 12)),
      let to: Int = place(of: Self.address(packet, at: 16)), from != to
    else {
      strays += 1
      return
    }
    let line: Int = index(from, to)
    var setting: LinkSetting = lines[line].setting
    var lane: Int?
    if !lines[line].faults.isEmpty {
      lines[line].faults.removeAll { $0.until <= now }
      let ports: (UInt16, UInt16)? = Self.ports(packet)
      for (place, fault) in lines[line].faults.enumerated() where fault.concerns(ports) && fault.isOn(now) {
        fault.worsen(&setting)
        if fault.port != nil { lane = place }
      }
    }
    guard !setting.cut else {
      lines[line].counters.blocked += 1
      return
    }
    if setting.loss > 0, Double.random(in: 0..<1, using: &random) < setting.loss {
      lines[line].counters.lost += 1
      return
    }
    guard lines[line].waitingBytes + packet.count <= Limits.linkQueueBytes else {
      lines[line].counters.overflowed += 1
      return
    }
    var leaves: MonotonicTime = max(now, lines[line].sendingUntil)
    if setting.bitsPerSecond > 0 {
      leaves = leaves + .nanoseconds(Int64(packet.count) * 8 * 1_000_000_000 / setting.bitsPerSecond)
      lines[line].sendingUntil = leaves
    }
    // A line does not reorder, also when its delay was just lowered.
    let due: MonotonicTime = max(leaves + setting.delay, lane.map { lines[line].faults[$0].lastDue } ?? lines[line].lastDue)
    if let lane { lines[line].faults[lane].lastDue = due } else { lines[line].lastDue = due }
    lines[line].waitingBytes += packet.count
    var place: Int = lines[line].waiting.count
    while place > lines[line].head, lines[line].waiting[place - 1].due > due { place -= 1 }
    lines[line].waiting.insert((due, packet), at: place)
  }

  /// Source and destination port of TCP or UDP; nil for others and for later fragments.
  private static func ports(_ packet: Bytes) -> (UInt16, UInt16)? {
    let header = Int(packet[0] & 0x0F) * 4
    guard packet[9] == 6 || packet[9] == 17, packet[6] & 0x1F == 0, packet[7] == 0, packet.count >= header + 4 else { return nil }
    return (
      UInt16(packet[header]) << 8 | UInt16(packet[header + 1]), UInt16(packet[header + 2]) << 8 | UInt16(packet[header + 3])
    )
  }

  private static func address(_ packet: Bytes, at offset: Int) -> IPAddress {
    var bits: UInt128 = 0
    for byte in packet[offset..<offset + 4] { bits = bits << 8 | UInt128(byte) }
    return IPAddress(family: .v4, bits: bits)
  }

  /// When the next packet is due; nil with nothing under way.
  public var nextDue: MonotonicTime? {
    var next: MonotonicTime?
    for line in lines where line.head < line.waiting.count {
      let due: MonotonicTime = line.waiting[line.head].due
      if next.map({ due < $0 }) ?? true { next = due }
    }
    return next
  }

  /// Hands over every packet due at `now`, line by line in order.
  public mutating func onTime(_ now: MonotonicTime, deliver: (Bytes) -> Void) {
    for index in lines.indices {
      while lines[index].head < lines[index].waiting.count, lines[index].waiting[lines[index].head].due <= now {
        let packet: Bytes = lines[index].waiting[lines[index].head].packet
        lines[index].waiting[lines[index].head].packet = []
        lines[index].head += 1
        lines[index].waitingBytes -= packet.count
        lines[index].counters.carried += 1
        lines[index].counters.carriedBytes += packet.count
        deliver(packet)
      }
      if lines[index].head == lines[index].waiting.count {
        lines[index].waiting.removeAll(keepingCapacity: true)
        lines[index].head = 0
      } else if lines[index].head > 4_096 {
        lines[index].waiting.removeFirst(lines[index].head)
        lines[index].head = 0
      }
    }
  }
}
