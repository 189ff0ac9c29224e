import Primitives

extension TableColumn {
  static let events: [TableColumn] = [
    TableColumn("Last Seen", "Time since it happened last.") { event, now in .string(lastSeen(event, now)) },
    TableColumn("Type", field: ["type"], absent: "", "Normal or Warning."),
    TableColumn("Reason", field: ["reason"], absent: "", "Why, in one word."),
    TableColumn("Object", "What it is about.") { event, _ in
      .string("\((event["involvedObject"]["kind"].string ?? "").lowercased())/\(event["involvedObject"]["name"].string ?? "")")
    },
    TableColumn("Subobject", wide: true, field: ["involvedObject", "fieldPath"], absent: "", "Which part of the object."),
    TableColumn("Source", wide: true, "Who reports it.") { event, _ in
      let component: String = event["source"]["component"].string ?? event["reportingComponent"].string ?? ""
      let host: String = event["source"]["host"].string ?? event["reportingInstance"].string ?? ""
      return .string([component, host].filter { !$0.isEmpty }.joined(separator: ", "))
    },
    TableColumn("Message", "What happened.") { event, _ in
      let words: Substring = (event["message"].string ?? "")[...]
      return .string(String(words.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()))
    },
    TableColumn("First Seen", wide: true, "Time since it happened first.") { event, now in .string(firstSeen(event, now)) },
    TableColumn("Count", type: "integer", wide: true, "How often it happened.") { event, _ in
      if let series: Int64 = event["series"]["count"].int { return .int(series) }
      return .int(max(1, event["count"].int ?? 1))
    },
    TableColumn("Name", wide: true, "The event's own name.") { event, _ in .string(event.name) },
  ]

  private static func firstSeen(_ event: KubeObject, _ now: WallTime) -> String {
    since(event["firstTimestamp"].isNull ? event["eventTime"] : event["firstTimestamp"], now)
  }

  private static func lastSeen(_ event: KubeObject, _ now: WallTime) -> String {
    if !event["series"]["lastObservedTime"].isNull { return since(event["series"]["lastObservedTime"], now) }
    return event["lastTimestamp"].isNull ? firstSeen(event, now) : since(event["lastTimestamp"], now)
  }
}
