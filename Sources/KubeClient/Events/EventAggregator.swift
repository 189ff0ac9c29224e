import Primitives

/// What is to be told about an object, before it is known whether it was told already.
struct EventReport: Hashable, Sendable {
  var involvedKind: String
  var involvedAPIVersion: String
  var namespace: String
  var name: String
  var uid: String
  var resourceVersion: String
  var type: String
  var reason: String
  var message: String
}

/// Turns repetitions into counts and floods into silence, as client-go's `EventCorrelator` does. Pure.
/// - The same event again: the one that exists is patched with a higher count.
/// - More than 10 different messages for one object and reason within 10 minutes: told as one "combined from similar events".
/// - A token bucket per object: 25 at once, then one every 5 minutes.
struct EventAggregator: Sendable {
  enum Directive: Hashable, Sendable {
    case create(EventReport, name: String)
    case count(EventReport, name: String, count: Int64)
    case drop
  }
  private struct Known {
    var name: String
    var count: Int64
    var used: Int64
  }
  private struct Similar {
    var messages: Set<String> = []
    var since: MonotonicTime
  }
  private struct Bucket {
    var tokens: Double
    var at: MonotonicTime
  }

  static let similarLimit: Int = 10
  static let similarWindow: Duration = .seconds(600)
  static let burst: Double = 25
  static let secondsPerToken: Double = 300

  let remembered: Int
  private var random: SeededRandom
  private var known: [EventReport: Known] = [:]
  private var similar: [EventReport: Similar] = [:]
  private var buckets: [String: Bucket] = [:]
  private var uses: Int64 = 0

  /// `seed` makes the names of events.
  init(remembered: Int, seed: UInt64) {
    self.remembered = remembered
    random = SeededRandom(seed: seed)
  }

  mutating func onReport(_ report: EventReport, now: MonotonicTime) -> Directive {
    uses += 1
    var report: EventReport = report
    var group: EventReport = report
    group.message = ""
    group.resourceVersion = ""
    var recent: Similar = similar[group] ?? Similar(since: now)
    if now - recent.since > Self.similarWindow { recent = Similar(since: now) }
    if recent.messages.count <= Self.similarLimit { recent.messages.insert(report.message) }
    similar[group] = recent
    if recent.messages.count > Self.similarLimit { report.message = "(combined from similar events): " + report.message }

    let object: String = "\(report.involvedKind)/\(report.namespace)/\(report.name)/\(report.uid)"
    guard takeToken(object, now) else { return .drop }
    // A combined event keeps one record, whatever its last message.
    var key: EventReport = report
    key.resourceVersion = ""
    if recent.messages.count > Self.similarLimit { key.message = "" }
    if var present: Known = known[key] {
      present.count += 1
      present.used = uses
      known[key] = present
      return .count(report, name: present.name, count: present.count)
    }
    let name: String = "\(report.name).\(String(random.next(), radix: 16))"
    known[key] = Known(name: name, count: 1, used: uses)
    forgetOldest()
    return .create(report, name: name)
  }

  /// The event that we counted is not there any more: the next one is created.
  mutating func onGone(name: String) {
    known = known.filter { $0.value.name != name }
  }

  private mutating func takeToken(_ object: String, _ now: MonotonicTime) -> Bool {
    var bucket: Bucket = buckets[object] ?? Bucket(tokens: Self.burst, at: now)
    bucket.tokens = min(Self.burst, bucket.tokens + (now - bucket.at).inMilliseconds / 1000 / Self.secondsPerToken)
    bucket.at = now
    defer { buckets[object] = bucket }
    guard bucket.tokens >= 1 else { return false }
    bucket.tokens -= 1
    return true
  }

  /// Halves what is remembered once it is too much, so that the cost per event stays constant.
  private mutating func forgetOldest() {
    if known.count > remembered {
      let kept = known.sorted { $0.value.used > $1.value.used }.prefix(remembered / 2)
      known = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
    if similar.count > remembered {
      let kept = similar.sorted { $0.value.since > $1.value.since }.prefix(remembered / 2)
      similar = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
    if buckets.count > remembered {
      let kept = buckets.sorted { $0.value.at > $1.value.at }.prefix(remembered / 2)
      buckets = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
  }
}
