/// A binary min-heap (Cormen et al., Introduction to Algorithms, ch. 6): timers and turns.
public struct Heap<Element: Comparable & Sendable>: Sendable {
  private var elements: [Element] = []

  public init() {}
  public var first: Element? { elements.first }
  public var count: Int { elements.count }

  public mutating func push(_ element: Element) {
    elements.append(element)
    var child: Int = elements.count - 1
    while child > 0 {
      let parent: Int = (child - 1) / 2
      guard elements[child] < elements[parent] else { return }
      elements.swapAt(child, parent)
      child = parent
    }
  }

  @discardableResult
  public mutating func pop() -> Element? {
    guard let first: Element = elements.first, let last: Element = elements.popLast() else { return nil }
    guard !elements.isEmpty else { return first }
    elements[0] = last
    var parent: Int = 0
    while true {
      var least: Int = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count && elements[child] < elements[least] { least = child }
      guard least != parent else { return first }
      elements.swapAt(parent, least)
      parent = least
    }
  }
}
