import KubeClient
import KubeModel
import Primitives

/// Acknowledged writes of runners before this one: they are looked for like this runner's own.
struct EarlierWrites: Sendable {
  let parts: [MeasuredPart.Writes]
  /// Objects that were there when this runner began, by name, with their UIDs.
  let adopted: [String: String]

  init(_ context: DrillContext) {
    (parts, adopted) = context.state.withLock { ($0.earlier.compactMap(\.writes), $0.adopted) }
  }

  /// Where this run's writers write, whichever runner's they are.
  static func place(_ context: DrillContext) -> (namespace: String, selector: String)? {
    let (own, earlier) = context.state.withLock { ($0.writes, $0.earlier.compactMap(\.writes).last) }
    guard let namespace: String = own?.namespace ?? earlier?.namespace, let run: String = own?.run ?? earlier?.run else { return nil }
    return (namespace, "drill.tricenter.io/run=\(run)")
  }

  var count: Int { parts.reduce(0) { $0 + $1.count } }

  /// Sentences about what is lost; `stored`: every object of the run by name.
  func missing(_ stored: [String: KubeObject]) -> [String] {
    var missing: [String] = []
    for part in parts { missing += Self.missing(part, stored) }
    for (name, uid) in adopted.sorted(by: { $0.key < $1.key }) where stored[name]?.uid != uid { missing.append("\(name) is gone") }
    return missing
  }

  private static func missing(_ part: MeasuredPart.Writes, _ stored: [String: KubeObject]) -> [String] {
    guard let written: WrittenRuns = part.written else { return [] }
    var missing: [String] = []
    var uids: UInt64 = 0
    for (writer, runs) in written.runs.enumerated() {
      var payloads: SeededRandom = WrittenObject.payloads(writer: writer)
      var number: Int = 0
      for run in runs {
        while number + 1 < run.lowerBound {
          _ = payloads.next()
          number += 1
        }
        for wanted in run {
          number = wanted
          let data: [String: String] = WrittenObject.data(writer: writer, number: number, payload: payloads.next())
          let name: String = WrittenObject.name(run: part.run, life: written.life, writer: writer, number: number)
          guard let object: KubeObject = stored[name] else {
            missing.append("\(name) is gone")
            continue
          }
          if object["data"].stringMap != data { missing.append("\(name) has another content") }
          uids &+= WrittenRuns.mix(writer, number, object.uid)
        }
      }
    }
    if missing.isEmpty, uids != written.uids {
      missing.append("one of the \(written.count) objects of life \(written.life) was made anew: the sum of their UIDs does not fit")
    }
    return missing
  }

  /// What runners before left beyond what they had noted: acknowledged or not, it is there now and must stay. Nothing where nobody answers.
  static func adopt(_ context: DrillContext) async {
    let parts: [MeasuredPart.Writes] = context.state.withLock { $0.earlier.compactMap(\.writes) }
    guard let first = parts.first,
      let found: [KubeObject] = try? await context.client.list(
        .configMaps, namespace: first.namespace, labelSelector: "drill.tricenter.io/run=\(first.run)"
      ).items
    else { return }
    var adopted: [String: String] = [:]
    for object in found {
      for part in parts {
        guard let written: WrittenRuns = part.written,
          let place = WrittenObject.place(object.name, run: part.run, life: written.life),
          !written.contains(writer: place.writer, number: place.number)
        else { continue }
        adopted[object.name] = object.uid
      }
    }
    context.state.withLock { $0.adopted = adopted }
  }
}
