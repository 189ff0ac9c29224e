import KubeModel
import Primitives

/// What one runner has measured, as the run keeps it: enough to count on, to look for what was acknowledged, and to tell what nobody saw.
/// Stored with every renewal of the runner's lease, so of a runner that was killed a quarter of a lease is missing at most.
struct MeasuredPart: Hashable, Sendable {
  struct Requests: Hashable, Sendable {
    var began: WallTime
    /// Nothing is known of what came later.
    var until: WallTime
    var count: Int = 0
    var failed: Int = 0
    var longestGap: Double = 0
    /// When the last one that was served began; nil when the last one failed, or none was made.
    var servingAt: WallTime?
    /// It was ended by its step, so nothing is missing after it.
    var isEnded: Bool = false
  }

  struct Writes: Hashable, Sendable {
    var began: WallTime
    var until: WallTime
    var namespace: String
    /// What the label of its objects says.
    var run: String
    var failed: Int = 0
    var longestPause: Double = 0
    var count: Int = 0
    var lastRevision: Int64?
    /// When the last one that was acknowledged began, if none failed after it.
    var acceptedAt: WallTime?
    var isEnded: Bool = false
    /// Nil: too many to be kept.
    var written: WrittenRuns?
  }

  /// The runner's.
  var epoch: Int64
  var holder: String
  var requests: Requests?
  var writes: Writes?

  static func factName(_ epoch: Int64) -> String { "measured.\(epoch)" }
}

// MARK: - As the run keeps it

extension MeasuredPart {
  var json: JSONValue {
    var json: JSONValue = ["epoch": .int(epoch), "holder": .string(holder)]
    if let requests {
      json["requests"] = [
        "began": .string(requests.began.rfc3339Micro), "until": .string(requests.until.rfc3339Micro), "count": .int(Int64(requests.count)),
        "failed": .int(Int64(requests.failed)), "longestGap": .double(requests.longestGap), "servingAt": Self.text(requests.servingAt),
        "ended": .bool(requests.isEnded),
      ]
    }
    if let writes {
      json["writes"] = [
        "began": .string(writes.began.rfc3339Micro), "until": .string(writes.until.rfc3339Micro), "namespace": .string(writes.namespace),
        "run": .string(writes.run), "failed": .int(Int64(writes.failed)), "longestPause": .double(writes.longestPause),
        "count": .int(Int64(writes.count)), "lastRevision": writes.lastRevision.map { .int($0) } ?? .null,
        "acceptedAt": Self.text(writes.acceptedAt), "ended": .bool(writes.isEnded), "written": writes.written?.json ?? .null,
      ]
    }
    return json
  }

  init?(_ json: JSONValue) {
    guard let epoch: Int64 = json["epoch"].int, let holder: String = json["holder"].string else { return nil }
    (self.epoch, self.holder) = (epoch, holder)
    let (asked, written): (JSONValue, JSONValue) = (json["requests"], json["writes"])
    if let began = Self.time(asked["began"]), let until = Self.time(asked["until"]) {
      requests = Requests(
        began: began, until: until, count: Int(asked["count"].int ?? 0), failed: Int(asked["failed"].int ?? 0),
        longestGap: asked["longestGap"].double ?? 0, servingAt: Self.time(asked["servingAt"]), isEnded: asked["ended"].bool ?? false)
    }
    if let began = Self.time(written["began"]), let until = Self.time(written["until"]) {
      writes = Writes(
        began: began, until: until, namespace: written["namespace"].string ?? "", run: written["run"].string ?? "",
        failed: Int(written["failed"].int ?? 0), longestPause: written["longestPause"].double ?? 0,
        count: Int(written["count"].int ?? 0), lastRevision: written["lastRevision"].int, acceptedAt: Self.time(written["acceptedAt"]),
        isEnded: written["ended"].bool ?? false, written: WrittenRuns(written["written"]))
    }
  }

  private static func time(_ json: JSONValue) -> WallTime? { json.string.flatMap { WallTime(rfc3339: $0) } }
  private static func text(_ time: WallTime?) -> JSONValue { time.map { .string($0.rfc3339Micro) } ?? .null }
}
