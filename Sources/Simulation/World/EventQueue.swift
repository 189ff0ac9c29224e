/// What happens next: a binary heap by time, ties in the order of scheduling.
struct EventQueue {
  private struct Slot {
    var time: Int64
    var order: UInt64
    var event: SimulationEvent
  }
  private var slots: [Slot] = []
  private var order: UInt64 = 0

  var isEmpty: Bool { slots.isEmpty }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let (a, b): (Int64, Int64) = (slots[left].time, slots[right].time)
    return a < b || (a == b && slots[left].order < slots[right].order)
  }

  mutating func add(_ event: SimulationEvent, at time: Int64) {
    order += 1
    slots.append(Slot(time: time, order: order, event: event))
    var child: Int = slots.count - 1
    while child > 0 {
      let parent: Int = (child - 1) / 2
      guard precedes(child, parent) else { break }
      slots.swapAt(child, parent)
      child = parent
    }
  }

  mutating func next() -> (time: Int64, event: SimulationEvent)? {
    guard let first = slots.first else { return nil }
    slots.swapAt(0, slots.count - 1)
    slots.removeLast()
    var parent: Int = 0
    while true {
      var least: Int = parent
      let left: Int = 2 * parent + 1
      if left < slots.count, precedes(left, least) { least = left }
      if left + 1 < slots.count, precedes(left + 1, least) { least = left + 1 }
      if least == parent { break }
      slots.swapAt(least, parent)
      parent = least
    }
    return (first.time, first.event)
  }
}
