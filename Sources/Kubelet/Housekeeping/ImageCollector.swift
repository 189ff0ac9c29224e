import Primitives

/// Decides which images go when the disk fills up: the least recently used first, until so much is free as is wanted. Never one that is
/// in use or pinned, or that a workload names whose pods may come here any moment. A value; the shell asks and removes.
/// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#containers-images
public struct ImageCollector: Sendable {
  struct Thresholds: Hashable, Sendable {
    /// Per cent of the disk: above `high` images go until `low` is reached.
    var high: Int = 85
    var low: Int = 80
    /// An image is not removed before it has been here for so long.
    var youngest: Duration = .seconds(120)
  }
  public struct Disk: Hashable, Sendable {
    /// Bytes.
    public var capacity: Int64
    public var free: Int64
    public init(capacity: Int64, free: Int64) {
      self.capacity = capacity
      self.free = free
    }
    public var usedPerCent: Int { capacity <= 0 ? 0 : 100 - Int(free * 100 / capacity) }
  }

  let thresholds: Thresholds
  private var firstSeen: [String: MonotonicTime] = [:]
  private var lastUsed: [String: MonotonicTime] = [:]

  init(thresholds: Thresholds = Thresholds()) {
    precondition(thresholds.low <= thresholds.high, "image thresholds: low \(thresholds.low) is above high \(thresholds.high)")
    self.thresholds = thresholds
  }

  /// Bytes to free now; nil while the disk is not full enough to do anything.
  func wanted(_ disk: Disk) -> Int64? {
    guard disk.capacity > 0, disk.usedPerCent >= thresholds.high else { return nil }
    return max(0, disk.capacity / 100 * Int64(100 - thresholds.low) - disk.free)
  }

  /// What is here and what containers use (ids and names, as containers tell them).
  mutating func onSeen(_ images: [ImageFacts], used: Set<String>, now: MonotonicTime) {
    let present: Set<String> = Set(images.map(\.id))
    firstSeen = firstSeen.filter { present.contains($0.key) }
    lastUsed = lastUsed.filter { present.contains($0.key) }
    let names: Set<String> = Set(used.map { ImageName.full($0) })
    for image in images {
      if firstSeen[image.id] == nil { firstSeen[image.id] = now }
      if Self.isNamed(image, in: names) { lastUsed[image.id] = now }
    }
  }

  /// Those to remove, in order, to get `bytes`. `kept`: names that workloads, or this host's sandboxes, go by.
  func victims(_ images: [ImageFacts], bytes: Int64, used: Set<String>, kept: Set<String>, now: MonotonicTime) -> [ImageFacts] {
    let names: Set<String> = Set(used.union(kept).map { ImageName.full($0) })
    let candidates: [ImageFacts] = images.filter { image in
      guard !image.pinned, !Self.isNamed(image, in: names), let since: MonotonicTime = firstSeen[image.id] else { return false }
      return now - since >= thresholds.youngest
    }
    func age(_ image: ImageFacts) -> (Int64, Int64, String) {
      (lastUsed[image.id]?.nanoseconds ?? 0, firstSeen[image.id]?.nanoseconds ?? 0, image.id)
    }
    var chosen: [ImageFacts] = []
    var freed: Int64 = 0
    for image in candidates.sorted(by: { age($0) < age($1) }) where freed < bytes {
      chosen.append(image)
      freed += Int64(clamping: image.sizeBytes)
    }
    return chosen
  }

  private static func isNamed(_ image: ImageFacts, in names: Set<String>) -> Bool {
    names.contains(image.id) || image.names.contains { names.contains(ImageName.full($0)) }
  }
}
