import KubeModel
import Primitives

/// What happened around the event, on one axis of time: requests and writes per second, ready pods per center, how far the store's last
/// member is behind, and the moments that count.
struct TimelineChart {
  private let report: JSONValue
  private let begin: Double
  private let end: Double
  private static let (left, right, width): (Double, Double, Double) = (86, 14, 960)
  private static let colours: [String] = ["#2471a3", "#1e8449", "#8e44ad", "#d35400", "#16a085"]

  init(_ report: JSONValue) {
    self.report = report
    let rates: [Double] = report["rates"].array.compactMap { $0["ms"].double }
    let marks: [Double] = Self.events(report).map(\.at)
    begin = min(rates.first ?? 0, marks.min() ?? 0, 0) - 250
    end = max((rates.last ?? 0) + 250, (marks.max() ?? 0) + 500, 1_000)
  }

  private func x(_ milliseconds: Double) -> Double {
    Self.left + (milliseconds - begin) / (end - begin) * (Self.width - Self.left - Self.right)
  }

  var svg: String {
    guard !report["rates"].array.isEmpty || !report["timeline"].array.isEmpty else { return "" }
    let lanes: [(String, Double, (Double, Double) -> String)] = [
      ("requests/s", 92, requests), ("writes/s", 70, writes), ("ready pods", 74, pods), ("lag, entries", 54, lag),
    ]
    let events: [(at: Double, name: String, colour: String)] = Self.events(report)
    let top: Double = 14 + Double(events.count) * 13
    var y: Double = top
    var body: String = ""
    for (title, height, draw) in lanes {
      let drawn: String = draw(y, height)
      guard !drawn.isEmpty else { continue }
      body += SVG.rectangle(Self.left, y, Self.width - Self.left - Self.right, height, "#f8f9fa")
      body += SVG.text(Self.left - 8, y + 13, title, anchor: "end") + drawn
      y += height + 12
    }
    // The moments that count, each with its name on a line of its own, so that none covers another.
    for (index, event) in events.enumerated() {
      let place: Double = x(event.at)
      body += SVG.line(
        place, 8 + Double(index) * 13, place, y - 8, event.colour, width: 1.2, dash: event.name.hasPrefix("event") ? "" : "4 3")
      let isRight: Bool = place > Self.width * 0.75
      let label = "\(event.name) \(Int(event.at.rounded())) ms"
      body += SVG.text(
        place + (isRight ? -4 : 4), 16 + Double(index) * 13, label, "event", anchor: isRight ? "end" : "start", fill: event.colour)
    }
    return "<svg viewBox=\"0 0 \(SVG.number(Self.width)) \(SVG.number(y + 26))\" role=\"img\">\(body)\(axis(y))\(legend(y))</svg>"
  }

  private func axis(_ y: Double) -> String {
    var text: String = SVG.line(Self.left, y - 4, Self.width - Self.right, y - 4, "#85929e")
    let step: Double = SVG.tick(end - begin, 14)
    var mark: Double = (begin / step).rounded(.up) * step
    while mark <= end {
      text += SVG.line(x(mark), y - 4, x(mark), y, "#85929e")
      text += SVG.text(x(mark), y + 11, "\(SVG.number(mark / 1_000)) s", anchor: "middle")
      mark += step
    }
    return text
  }

  private func legend(_ y: Double) -> String {
    var text: String = ""
    var place: Double = Self.left
    for (index, center) in centers.enumerated() {
      text += SVG.rectangle(place, y + 16, 9, 9, Self.colours[index % Self.colours.count]) + SVG.text(place + 13, y + 24, center)
      place += 30 + Double(center.count) * 6.5
    }
    return text
  }

  /// Name and time of what everybody asks for first.
  static func events(_ report: JSONValue) -> [(at: Double, name: String, colour: String)] {
    let names: [(String, String, String)] = [
      ("detection_ms", "detected", "#c0392b"), ("election_ms", "leader elected", "#8e44ad"), ("activation_ms", "activated", "#d68910"),
      ("first_write_ms", "first write", "#16a085"), ("rto_ms", "first request", "#2471a3"),
    ]
    var found: [(at: Double, name: String, colour: String)] = names.compactMap { key, name, colour in
      report[key].double.map { (at: $0, name: name, colour: colour) }
    }
    let starts: [JSONValue] = report["timeline"].array.filter { ["fault", "failover"].contains($0["event"].string ?? "") }
    if let first: JSONValue = starts.first {
      found.append((first["ms"].double ?? 0, "event: \(first["event"].string ?? "") \(first["center"].string ?? "")", "#c0392b"))
    }
    let isFault: Set<String> = ["fault", "fault again", "fault ends"]
    for entry in report["timeline"].array.filter({ isFault.contains($0["event"].string ?? "") && $0 != starts.first }).prefix(16) {
      let (event, detail): (String, String) = (entry["event"].string ?? "", entry["detail"].string ?? "")
      found.append((entry["ms"].double ?? 0, "\(event): \(detail)", event == "fault ends" ? "#7f8c8d" : "#c0392b"))
    }
    if let back: JSONValue = report["timeline"].array.first(where: { $0["event"].string == "return" }),
      let at: Double = back["ms"].double, at < 60_000
    {
      found.append((at, "given back", "#7f8c8d"))
    }
    return found.sorted { $0.at < $1.at }
  }

  private var buckets: [(at: Double, served: Double, failed: Double, written: Double)] {
    report["rates"].array.map { rate in
      (
        rate["ms"].double ?? 0, Double(rate["served"].int ?? 0) * 4, Double(rate["failed"].int ?? 0) * 4,
        Double(rate["written"].int ?? 0) * 4
      )
    }
  }

  private func bars(_ y: Double, _ height: Double, _ values: [(at: Double, value: Double, colour: String)], top: Double) -> String {
    let width: Double = max(1, x(250) - x(0) - 0.6)
    return values.filter { $0.value > 0 }.map { at, value, colour in
      let tall: Double = max(1.5, value / top * (height - 6))
      return SVG.rectangle(x(at), y + height - tall, width, tall, colour)
    }.joined() + scale(y, top)
  }

  private func scale(_ y: Double, _ top: Double) -> String {
    SVG.text(Self.left - 8, y + 27, "max \(SVG.number(top))", anchor: "end", fill: "#85929e")
  }

  private func requests(_ y: Double, _ height: Double) -> String {
    let top: Double = buckets.map { max($0.served, $0.failed) }.max() ?? 0
    guard top > 0 else { return "" }
    return bars(y, height, buckets.map { ($0.at, $0.served, "#7fb3d5") } + buckets.map { ($0.at, $0.failed, "#c0392b") }, top: top)
  }

  private func writes(_ y: Double, _ height: Double) -> String {
    let top: Double = buckets.map(\.written).max() ?? 0
    return top > 0 ? bars(y, height, buckets.map { ($0.at, $0.written, "#73c6b6") }, top: top) : ""
  }

  private var samples: [JSONValue] {
    report["samples"].array.filter { ($0["ms"].double ?? .infinity) <= end && ($0["ms"].double ?? -.infinity) >= begin }
  }

  private var centers: [String] {
    Set(report["samples"].array.flatMap { $0["ready"].object?.keys ?? [] }).sorted()
  }

  private func pods(_ y: Double, _ height: Double) -> String {
    let top: Double = samples.flatMap { sample in centers.compactMap { sample["ready"][$0].int.map(Double.init) } }.max() ?? 0
    guard top > 0 else { return "" }
    return centers.enumerated().map { index, center in
      // What was not seen is not drawn; a center without a ready pod is at 0.
      let points: [(x: Double, y: Double)?] = samples.map { sample in
        guard let at: Double = sample["ms"].double, sample["ready"].object?.isEmpty == false else { return nil }
        return (x(at), y + height - 3 - Double(sample["ready"][center].int ?? 0) / top * (height - 10))
      }
      return SVG.path(points, Self.colours[index % Self.colours.count], width: 2)
    }.joined() + scale(y, top)
  }

  private func lag(_ y: Double, _ height: Double) -> String {
    let known: [Double] = samples.compactMap { $0["lag_entries"].int.map(Double.init) }
    guard let most: Double = known.max() else { return "" }
    let top: Double = max(1, most)
    let points: [(x: Double, y: Double)?] = samples.map { sample in
      guard let at: Double = sample["ms"].double, let lag: Int64 = sample["lag_entries"].int else { return nil }
      return (x(at), y + height - 3 - Double(lag) / top * (height - 8))
    }
    return SVG.path(points, "#d68910") + scale(y, top)
  }
}
