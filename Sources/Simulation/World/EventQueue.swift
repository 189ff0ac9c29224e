/// What happens next: a binary heap by time, ties in the order of scheduling. The heap moves places of 16 bytes, not events.
struct EventQueue {
  private struct Slot {
    var time: Int64
    var order: UInt32
    var place: UInt32
    static func precedes(_ a: Slot, _ b: Slot) -> Bool { a.time < b.time || (a.time == b.time && a.order < b.order) }
  }
  private var heap: [Slot] = []
  private var events: [SimulationEvent?] = []
  private var free: [UInt32] = []
  private var order: UInt32 = 0

  mutating func add(_ event: SimulationEvent, at time: Int64) {
    order += 1
    let place: UInt32
    if let reused: UInt32 = free.popLast() {
      place = reused
      events[Int(reused)] = event
    } else {
      place = UInt32(events.count)
      events.append(event)
    }
    let slot = Slot(time: time, order: order, place: place)
    heap.append(slot)
    var child: Int = heap.count - 1
    while child > 0 {
      let parent: Int = (child - 1) / 2
      guard Slot.precedes(slot, heap[parent]) else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = slot
  }

  mutating func next() -> (time: Int64, event: SimulationEvent)? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty {
      var parent: Int = 0
      while true {
        var least: Int = 2 * parent + 1
        guard least < heap.count else { break }
        if least + 1 < heap.count, Slot.precedes(heap[least + 1], heap[least]) { least += 1 }
        guard Slot.precedes(heap[least], last) else { break }
        heap[parent] = heap[least]
        parent = least
      }
      heap[parent] = last
    }
    guard let event: SimulationEvent = events[Int(first.place)] else { preconditionFailure("an event was taken twice") }
    events[Int(first.place)] = nil
    free.append(first.place)
    return (first.time, event)
  }
}
