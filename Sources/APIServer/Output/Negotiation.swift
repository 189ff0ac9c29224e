import KubeModel

/// What form of answer a client asked for.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-representations
struct MediaRange: Sendable {
  var type: String
  var parameters: [String: String]
  var quality: Double

  /// The ranges of an `Accept` field, the most wanted first (RFC 9110 section 12.5.1); equal ones keep their order, as in Kubernetes.
  static func parse(_ accept: String) -> [MediaRange] {
    let ranges: [MediaRange] = accept.split(separator: ",").map { part in
      let pieces: [String] = part.split(separator: ";").map { trim($0) }
      var parameters: [String: String] = [:]
      for piece in pieces.dropFirst() {
        // An empty piece (`a; ;b`) is an empty half, not none.
        let halves: [Substring] = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        parameters[halves[0].lowercased()] = halves.count > 1 ? trim(halves[1].filter { $0 != "\"" }) : ""
      }
      let quality: Double = parameters.removeValue(forKey: "q").flatMap { Double($0) } ?? 1
      return MediaRange(type: (pieces.first ?? "").lowercased(), parameters: parameters, quality: quality)
    }
    return ranges.enumerated().sorted { ($0.element.quality, -$0.offset) > ($1.element.quality, -$1.offset) }.map(\.element)
  }

  static func trim(_ text: some StringProtocol) -> String {
    var view: Substring = Substring(text)
    while let first: Character = view.first, first == " " || first == "\t" { view.removeFirst() }
    while let last: Character = view.last, last == " " || last == "\t" { view.removeLast() }
    return String(view)
  }

  var isJSON: Bool { ["application/json", "application/*", "*/*"].contains(type) }
}

/// The forms an object or a list can be answered in. JSON is the one encoding.
enum OutputForm: Hashable, Sendable {
  case whole
  /// `as=Table;v=v1;g=meta.k8s.io`
  case table
  /// `as=PartialObjectMetadata…`; a list asks with `PartialObjectMetadataList`.
  case metadata

  static func negotiate(_ accept: String?) throws -> OutputForm {
    guard let accept, !MediaRange.trim(accept).isEmpty else { return .whole }
    for range in MediaRange.parse(accept) where range.isJSON && range.quality > 0 {
      guard let form: String = range.parameters["as"] else { return .whole }
      guard range.parameters["g"] == "meta.k8s.io", range.parameters["v"] == "v1" else { continue }
      switch form {
      case "Table": return .table
      case "PartialObjectMetadata", "PartialObjectMetadataList": return .metadata
      default: continue
      }
    }
    throw KubeStatus.notAcceptable(accepted: ["application/json"])
  }
}
