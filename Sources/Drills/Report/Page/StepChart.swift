import KubeModel
import Primitives

/// The whole run: a bar per step, as long as it took.
struct StepChart {
  let report: JSONValue
  init(_ report: JSONValue) { self.report = report }

  var svg: String {
    let steps: [JSONValue] = report["steps"].array.filter { $0["began_ms"].double != nil }
    let begins: [Double] = steps.compactMap { $0["began_ms"].double }
    let ends: [Double] = steps.map { ($0["began_ms"].double ?? 0) + ($0["took_ms"].double ?? 0) }
    guard let first: Double = begins.min(), let last: Double = ends.max(), last > first else { return "" }
    let (left, width): (Double, Double) = (150, 960)
    func x(_ milliseconds: Double) -> Double { left + (milliseconds - first) / (last - first) * (width - left - 60) }
    var body: String = ""
    let height: Double = Double(steps.count) * 17
    let tick: Double = SVG.tick(last - first, 10)
    var mark: Double = (first / tick).rounded(.up) * tick
    while mark <= last {
      body += SVG.line(x(mark), 0, x(mark), height, "#e5e8eb")
      body += SVG.text(x(mark), height + 13, "\(SVG.number(mark / 1_000)) s", anchor: "middle")
      mark += tick
    }
    if first < 0, last > 0 { body += SVG.line(x(0), 0, x(0), height, "#c0392b", width: 1.4) }
    for (index, step) in steps.enumerated() {
      let (began, took): (Double, Double) = (step["began_ms"].double ?? 0, step["took_ms"].double ?? 0)
      let y: Double = Double(index) * 17
      let colour: String = step["outcome"].string == "failed" ? "#c0392b" : step["phase"].string == "Compensated" ? "#b9770e" : "#5d8aa8"
      body += SVG.text(left - 8, y + 12, step["id"].string ?? "", anchor: "end")
      if let expected: Double = step["expected_ms"].double {
        body += SVG.rectangle(x(began), y + 2, x(began + expected) - x(began), 13, "#eaecee", radius: 2)
      }
      body += SVG.rectangle(x(began), y + 4, max(1.5, x(began + took) - x(began)), 9, colour, radius: 2)
      body += SVG.text(x(began + took) + 5, y + 12, ReportPage.milliseconds(step["took_ms"]), fill: "#808b96")
    }
    return "<svg viewBox=\"0 0 960 \(SVG.number(height + 18))\" role=\"img\">\(body)</svg>\n"
  }
}
