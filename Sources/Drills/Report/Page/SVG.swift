import Primitives

/// Pieces of a drawing.
enum SVG {
  static func number(_ value: Double) -> String {
    let tenths: Int = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }

  static func text(_ x: Double, _ y: Double, _ text: String, _ style: String = "", anchor: String = "start", fill: String = "") -> String {
    let look: String = (style.isEmpty ? "" : " class=\"\(style)\"") + (fill.isEmpty ? "" : " style=\"fill:\(fill)\"")
    return "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\"\(look)>\(ReportPage.escaped(text))</text>"
  }

  static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ stroke: String, width: Double = 1, dash: String = "") -> String
  {
    let dashes: String = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
    return
      "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" stroke=\"\(stroke)\" stroke-width=\"\(number(width))\"\(dashes)/>"
  }

  static func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ fill: String, radius: Double = 0) -> String {
    "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(max(0, width)))\" height=\"\(number(max(0, height)))\" fill=\"\(fill)\" rx=\"\(number(radius))\"/>"
  }

  /// A line through points; a nil breaks it.
  static func path(_ points: [(x: Double, y: Double)?], _ stroke: String, width: Double = 1.6) -> String {
    var text: String = ""
    var isOpen: Bool = false
    for point in points {
      guard let point else {
        isOpen = false
        continue
      }
      text += "\(isOpen ? "L" : "M")\(number(point.x)) \(number(point.y))"
      isOpen = true
    }
    return text.isEmpty ? "" : "<path d=\"\(text)\" fill=\"none\" stroke=\"\(stroke)\" stroke-width=\"\(number(width))\"/>"
  }

  /// A distance between marks that people can count in: 1, 2 or 5 times a power of ten.
  static func tick(_ span: Double, _ wanted: Int) -> Double {
    guard span > 0 else { return 1 }
    var step: Double = 1
    while span / step > Double(wanted) { step *= 10 }
    while span / step < Double(wanted) / 10 { step /= 10 }
    for factor in [0.1, 0.2, 0.5] where span / (step * factor) <= Double(wanted) { return step * factor }
    return step
  }
}
