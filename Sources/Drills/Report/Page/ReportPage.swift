import KubeModel
import Primitives

/// A report as one HTML file that stands alone: no script runs, nothing is fetched. It is drawn from the sealed document and nothing
/// else, and carries it, so that whoever checks the seal can draw the page again and compare.
public enum ReportPage {
  static let opening = "<script type=\"application/json\" id=\"report\">"
  static let closing = "</script>"

  public static func text(_ report: JSONValue) -> String {
    let title: String = escaped(report["title"].string ?? "")
    var page: String = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title): \(escaped(report["verdict"].string ?? ""))</title>
      <style>\(style)</style>
      </head>
      <body>
      <main>

      """
    page += head(report)
    page += section("Objective and attained", objectives(report))
    page += section("Around the event", TimelineChart(report).svg)
    page += section("Where the time without service went", split(report))
    page += section("Steps", StepChart(report).svg + steps(report))
    page += section("Deviations", list(report["deviations"].array, none: "None: every objective was attained."))
    page += section("What to do", list(report["advice"].array, none: "Nothing."))
    page += section("People", people(report))
    page += section("Who measured what", runners(report))
    page += section("Store", store(report))
    page += section("Business probes", business(report))
    page += section("Evidence", evidence(report))
    page += section("Seal", seal(report))
    let embedded = String(decoding: report.serialized(), as: UTF8.self).replacing("</", with: "<\\/")
    return page + "</main>\n\(opening)\(embedded)\(closing)\n</body>\n</html>\n"
  }

  /// The sealed document that a page carries; nil where it is no page of ours.
  public static func document(_ page: String) -> JSONValue? {
    guard let start = page.firstRange(of: opening), let end = page[start.upperBound...].firstRange(of: closing) else { return nil }
    return try? JSONValue.parse(Bytes(String(page[start.upperBound..<end.lowerBound])))
  }

  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
  }

  static func milliseconds(_ value: JSONValue) -> String {
    guard let number: Double = value.double else { return "–" }
    return number >= 10_000 ? "\((number / 100).rounded() / 10) s" : "\(Int(number.rounded())) ms"
  }

  private static func section(_ title: String, _ body: String) -> String {
    body.isEmpty ? "" : "<section>\n<h2>\(escaped(title))</h2>\n\(body)\n</section>\n"
  }

  static func table(_ titles: [String], _ rows: [[String]]) -> String {
    let head: String = titles.map { "<th>\(escaped($0))</th>" }.joined()
    let body: String = rows.map { "<tr>\($0.map { "<td>\($0)</td>" }.joined())</tr>" }.joined(separator: "\n")
    return "<table>\n<tr>\(head)</tr>\n\(body)\n</table>"
  }

  private static func list(_ items: [JSONValue], none: String) -> String {
    guard !items.isEmpty else { return "<p>\(escaped(none))</p>" }
    return "<ul>\n" + items.map { "<li>\(escaped($0.string ?? ""))</li>" }.joined(separator: "\n") + "\n</ul>"
  }

  private static func head(_ report: JSONValue) -> String {
    let verdict: String = report["verdict"].string ?? "unknown"
    let facts: [(String, String)] = [
      ("run", report["run"].string ?? ""), ("runbook", report["runbook"].string ?? ""), ("variant", report["variant"].string ?? ""),
      ("mode", report["mode"].string ?? ""), ("began", report["started_at"].string ?? ""), ("took", milliseconds(report["took_ms"])),
    ]
    let simulated: String = report["simulated"].array.map { "<p class=\"warn\">SIMULATED: \(escaped($0.string ?? ""))</p>" }.joined()
    return """
      <header>
      <p class="badge \(escaped(verdict))">\(escaped(verdict))</p>
      <h1>\(escaped(report["title"].string ?? ""))</h1>
      <p>\(escaped(report["purpose"].string ?? ""))</p>
      <p class="facts">\(facts.filter { !$0.1.isEmpty }.map { "<span>\($0.0) <b>\(escaped($0.1))</b></span>" }.joined(separator: " "))</p>
      \(simulated)
      </header>

      """
  }

  private static func objectives(_ report: JSONValue) -> String {
    let wanted: JSONValue = report["objectives"]
    func row(_ name: String, _ objective: String, _ attained: String, _ isMet: Bool?) -> [String] {
      let mark: String = isMet.map { $0 ? "<span class=\"passed\">met</span>" : "<span class=\"failed\">not met</span>" } ?? ""
      return [escaped(name), escaped(objective), "<b>\(escaped(attained))</b>", mark]
    }
    func time(_ name: String, _ objective: JSONValue, _ attained: JSONValue) -> [String] {
      let isMet: Bool? = objective.double.map { limit in attained.double.map { $0 <= limit } ?? false }
      return row(name, objective.isNull ? "–" : milliseconds(objective), milliseconds(attained), isMet)
    }
    let lost: JSONValue = report["lost_writes"]
    var rows: [[String]] = [
      time("RTO: first served request after the event", wanted["rto_ms"], report["rto_ms"]),
      time("First acknowledged write after the event", wanted["first_write_ms"], report["first_write_ms"]),
      row(
        "RPO: acknowledged writes lost, of \(report["acknowledged_writes"].int ?? 0) counted one by one",
        wanted["lost_writes"].int.map(String.init) ?? "–", lost.int.map(String.init) ?? "unknown",
        wanted["lost_writes"].int.map { limit in lost.int.map { $0 <= limit } ?? false }),
    ]
    if let limit: Int64 = wanted["failed_requests"].int {
      let failed: Int64 = report["failed_requests"].int ?? 0
      rows.append(row("Failed requests, of \(report["requests"].int ?? 0)", "\(limit)", "\(failed)", failed <= limit))
    }
    if !wanted["endpoints_gone_ms"].isNull || !report["endpoints_gone_ms"].isNull {
      rows.append(time("No answer and no rule leads to the lost center any more", wanted["endpoints_gone_ms"], report["endpoints_gone_ms"]))
    }
    if !wanted["write_pause_ms"].isNull {
      rows.append(time("Longest pause between acknowledged writes", wanted["write_pause_ms"], report["business"]["write_pause_ms"]))
    }
    for companion in report["companions"].array {
      let (name, objective): (String, JSONValue) = (companion["name"].string ?? "", companion["objective"])
      rows.append(time("\(name): longest time without an answer after the event", objective["outage_ms"], companion["outage_ms"]))
      guard let limit: Int64 = objective["failed"].int, let failed: Int64 = companion["failed"].int else { continue }
      rows.append(row("\(name): failed requests, of \(companion["requests"].int ?? 0)", "\(limit)", "\(failed)", failed <= limit))
    }
    let level: JSONValue = report["level"]
    if !level.isNull {
      rows.append(
        row(
          "Level of \(level["profile"].string ?? "")", level["objective"].int.map(String.init) ?? "–",
          level["attained"].int.map(String.init) ?? "none", (level["attained"].int ?? 0) >= (level["objective"].int ?? 0)))
    }
    return table(["", "objective", "attained", ""], rows)
  }

  private static func split(_ report: JSONValue) -> String {
    let parts: [(String, String, String)] = [
      ("detection", "until a survivor missed the leader", "#c0392b"), ("decision", "until another center was active", "#d68910"),
      ("execution", "until the first request was served", "#2471a3"), ("verification", "until what was lost was known", "#1e8449"),
    ]
    let known = parts.compactMap { part in report["rto_split_ms"][part.0].double.map { (part, $0) } }
    guard !known.isEmpty else { return "" }
    let total: Double = max(1, known.map(\.1).reduce(0, +))
    var x: Double = 0
    let bars: String = known.map { part, value in
      defer { x += value / total * 960 }
      let width: Double = max(1, value / total * 960)
      let label: String = width > 90 ? SVG.text(x + 6, 25, "\(part.0) \(Int(value)) ms", "bar") : ""
      return "<rect x=\"\(SVG.number(x))\" y=\"8\" width=\"\(SVG.number(width))\" height=\"26\" fill=\"\(part.2)\"/>" + label
    }.joined()
    let rows: [[String]] = known.map { part, value in
      ["<i style=\"background:\(part.2)\"></i> \(part.0)", "\(Int(value)) ms", escaped(part.1)]
    }
    return "<svg viewBox=\"0 0 960 42\" role=\"img\">\(bars)</svg>\n" + table(["", "", ""], rows)
  }

  private static func steps(_ report: JSONValue) -> String {
    table(
      ["step", "outcome", "took", "expected", "what it found"],
      report["steps"].array.map { step in
        let outcome: String = step["outcome"].string ?? ""
        let phase: String = step["phase"].string ?? ""
        let undone: String = ["Compensated", "Uncompensated"].contains(phase) ? ", \(phase.lowercased())" : ""
        return [
          "\(escaped(step["title"].string ?? ""))<br><small>\(escaped(step["id"].string ?? "")) · \(escaped(step["action"].string ?? ""))</small>",
          "<span class=\"\(escaped(outcome))\">\(escaped(outcome + undone))</span>", milliseconds(step["took_ms"]),
          step["expected_ms"].isNull ? "–" : milliseconds(step["expected_ms"]), escaped(step["message"].string ?? ""),
        ]
      })
  }

  private static func people(_ report: JSONValue) -> String {
    let people: JSONValue = report["participants"]
    let runners: Int64 = people["runners"].int ?? 1
    let begun =
      "<p>Begun by <b>\(escaped(people["requested_by"].string ?? "unknown"))</b>, carried out by \(runners) \(runners == 1 ? "runner" : "runners, one after the other").</p>"
    let approvals: [JSONValue] = people["approvals"].array
    guard !approvals.isEmpty else { return begun + "<p>No step waited for an approval.</p>" }
    return begun
      + table(
        ["step", "who", "as", "decision", "why", "when"],
        approvals.map { one in ["step", "user", "role", "decision", "comment", "time"].map { escaped(one[$0].string ?? "") } })
  }

  /// Of a run whose runner was replaced.
  private static func runners(_ report: JSONValue) -> String {
    let parts: [JSONValue] = report["measured_by"].array
    guard parts.count > 1 else { return "" }
    func span(_ json: JSONValue) -> String {
      json.isNull ? "–" : "\(milliseconds(json["from_ms"])) to \(milliseconds(json["until_ms"]))"
    }
    let gaps: [String] = report["unobserved"].array.map { gap in
      let steps: [String] = gap["during"].array.compactMap(\.string)
      return "Nobody measured \(gap["what"].string ?? "") from \(span(gap)), "
        + (steps.isEmpty ? "while nothing was under way." : "during \(steps.joined(separator: ", ")).")
    }
    return table(
      ["runner", "requests", "failed", "when", "writes acknowledged", "failed", "when"],
      parts.map { part in
        [
          "\(part["runner"].int ?? 0) (\(escaped(part["holder"].string ?? "")))", "\(part["requests"]["count"].int ?? 0)",
          "\(part["requests"]["failed"].int ?? 0)", span(part["requests"]), "\(part["writes"]["acknowledged"].int ?? 0)",
          "\(part["writes"]["failed"].int ?? 0)", span(part["writes"]),
        ]
      }) + gaps.map { "<p>\(escaped($0))</p>" }.joined()
  }

  private static func store(_ report: JSONValue) -> String {
    let store: JSONValue = report["store"]
    var text: String = ""
    if let revision: Int64 = store["last_acknowledged_revision"].int {
      let holders: [String] = store["held_by"].array.compactMap(\.string)
      text =
        "<p>The last acknowledged write has revision <b>\(revision)</b>; at the end \(holders.count) members held it: \(escaped(holders.joined(separator: ", "))).</p>"
    }
    guard !store["members"].array.isEmpty else { return text }
    return text
      + table(
        ["member", "role", "follows", "term", "revision", "applied"],
        store["members"].array.map { member in
          [
            escaped(member["host"].string ?? ""), escaped(member["role"].string ?? ""), escaped(member["leader"].string ?? ""),
            "\(member["term"].int ?? 0)", "\(member["revision"].int ?? 0)", "\(member["applied"].int ?? 0)",
          ]
        })
  }

  private static func business(_ report: JSONValue) -> String {
    let business: JSONValue = report["business"]
    guard business["requests"].int ?? 0 > 0 || business["writes"].int ?? 0 > 0 else { return "" }
    return table(
      ["requests", "failed", "p50", "p99", "longest gap", "writes acknowledged", "writes failed", "longest pause"],
      [
        [
          "\(business["requests"].int ?? 0)", "\(business["failed"].int ?? 0)", milliseconds(business["p50_ms"]),
          milliseconds(business["p99_ms"]), milliseconds(business["longest_gap_ms"]), "\(business["writes"].int ?? 0)",
          "\(business["failed_writes"].int ?? 0)", milliseconds(business["write_pause_ms"]),
        ]
      ])
  }

  private static func evidence(_ report: JSONValue) -> String {
    report["steps"].array.flatMap { step in
      (step["evidence"].object?.members ?? []).map { member in
        "<details><summary>\(escaped(step["id"].string ?? "")): \(escaped(member.key))</summary><pre>\(escaped(member.value.pretty()))</pre></details>"
      }
    }.joined(separator: "\n")
  }

  private static func seal(_ report: JSONValue) -> String {
    let seal: JSONValue = report["seal"]
    let hashes: [[String]] = [
      ["plan", "<code>\(escaped(report["plan_hash"].string ?? ""))</code>"],
      ["site", "<code>\(escaped(report["site_hash"].string ?? ""))</code>"],
    ]
    guard seal.object != nil else { return table(["", ""], hashes) + "<p class=\"warn\">This report is not sealed.</p>" }
    let previous: String = seal["previous"].string ?? ""
    return table(
      ["", ""],
      hashes + [
        ["number in the chain", "\(seal["sequence"].int ?? 0)"],
        ["report before", previous.isEmpty ? "none, it is the first" : "<code>\(escaped(previous))</code>"],
        ["this report", "<code>\(escaped(seal["hash"].string ?? ""))</code>"],
        ["signature", "<code>\(escaped(seal["signature"].string ?? ""))</code>"],
      ]) + "<p>Check it with <code>tricenter drill verify FILE</code>.</p>"
  }

  private static let style = """
    :root{color-scheme:light}body{font:15px/1.5 system-ui,"Noto Sans","DejaVu Sans",sans-serif;margin:0;background:#f4f5f7;color:#1c2833}
    main{max-width:1040px;margin:0 auto;padding:24px}header,section{background:#fff;border:1px solid #dfe3e8;border-radius:8px;padding:16px 24px;margin-bottom:16px}
    h1{font-size:24px;margin:8px 0}h2{font-size:17px;margin:0 0 12px}table{border-collapse:collapse;width:100%;font-size:13.5px}
    th{text-align:left;color:#566573;font-weight:600}td,th{padding:5px 10px 5px 0;border-bottom:1px solid #eef0f2;vertical-align:top}
    .badge{display:inline-block;margin:0;padding:3px 14px;border-radius:12px;font-weight:700;color:#fff;background:#7f8c8d;text-transform:uppercase;letter-spacing:.05em}
    .badge.passed{background:#1e8449}.badge.failed{background:#c0392b}.badge.inconclusive{background:#b9770e}
    span.passed{color:#1e8449;font-weight:600}span.failed{color:#c0392b;font-weight:600}span.skipped{color:#7f8c8d}
    .facts span{margin-right:18px;color:#566573}.warn{color:#b9770e;font-weight:600}small{color:#808b96}code{font-size:12px;word-break:break-all}
    svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,"Noto Sans","DejaVu Sans",sans-serif;fill:#34495e}svg text.bar{fill:#fff;font-weight:600}
    svg text.event{font-weight:600}i{display:inline-block;width:12px;height:12px;border-radius:3px;vertical-align:-1px}pre{font-size:12px;overflow:auto}
    ul{margin:0;padding-left:20px}
    """
}
