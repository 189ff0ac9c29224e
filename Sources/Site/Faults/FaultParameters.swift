import Primitives

/// What each kind of fault is told beside its target, and what is wrong with one before anybody tries it.
public enum FaultParameters {
  public static let daemons: [String] = ["center", "node", "containerd"]
  /// How long a fault may go without being renewed.
  public static let lease: ClosedRange<Duration> = Duration.milliseconds(100)...Duration.seconds(3_600)

  struct Parameter {
    var name: String
    var isRequired: Bool
    /// nil: the text is well formed.
    var objection: @Sendable (String) -> String?
  }

  static func parameters(_ kind: FaultSpec.Kind) -> [Parameter] {
    switch kind {
    case .killProcess, .freezeProcess: [daemon]
    case .freezeHost, .powerOff, .cutLink, .fullDisk, .failingDisk, .dnsSilent, .nodeNotReady: []
    case .degradeLink:
      [time("delay", required: false), Parameter(name: "loss", isRequired: false, objection: partObjection), number("bandwidth")]
    case .flapLink: [time("every")]
    case .slowDisk: [time("stall"), time("every")]
    case .clockJump:
      [daemon, Parameter(name: "seconds", isRequired: true) { Int64($0) == nil ? "\"\($0)\" is no number of seconds" : nil }]
    case .certificateExpired: [text("daemon")]
    case .apiLatency: [time("delay"), number("port")]
    case .imageMissing: [text("image")]
    case .capacityShort: [number("hosts")]
    }
  }

  private static let daemon = Parameter(name: "daemon", isRequired: true) { word in
    daemons.contains(word) ? nil : "\"\(word)\" is none of \(daemons.joined(separator: ", "))"
  }
  private static func text(_ name: String) -> Parameter {
    Parameter(name: name, isRequired: true) { $0.isEmpty || $0.contains(where: \.isWhitespace) ? "it is empty or has white space" : nil }
  }
  private static func time(_ name: String, required: Bool = true) -> Parameter {
    Parameter(name: name, isRequired: required) { Duration(siteText: $0) == nil ? "\"\($0)\" is not a time such as 50ms" : nil }
  }
  private static func number(_ name: String) -> Parameter {
    Parameter(name: name, isRequired: false) { Int64($0).map { $0 > 0 } == true ? nil : "\"\($0)\" is not a number above 0" }
  }
  @Sendable private static func partObjection(_ text: String) -> String? {
    part(text) == nil ? "\"\(text)\" is not a part such as 2%" : nil
  }

  /// `2%` or `0.02`, as 0 to 1.
  public static func part(_ text: String) -> Double? {
    let number: Double? = text.hasSuffix("%") ? Double(text.dropLast()).map { $0 / 100 } : Double(text)
    return number.flatMap { (0...1).contains($0) ? $0 : nil }
  }
}

extension FaultSpec {
  /// Everything that is wrong with it for this site, in sentences; empty: it can be tried.
  public func problems(_ site: Site) -> [String] {
    var problems: [String] = targetProblems(site)
    let known: [FaultParameters.Parameter] = FaultParameters.parameters(kind)
    for name in parameters.keys.sorted() where !known.contains(where: { $0.name == name }) {
      let takes: String = known.isEmpty ? "nothing" : known.map(\.name).joined(separator: ", ")
      problems.append("\(kind.rawValue) takes no \(name), but \(takes)")
    }
    for parameter in known {
      guard let text: String = parameters[parameter.name] else {
        if parameter.isRequired { problems.append("\(kind.rawValue) needs \(parameter.name)") }
        continue
      }
      if let objection: String = parameter.objection(text) { problems.append("\(kind.rawValue), \(parameter.name): \(objection)") }
    }
    if kind == .flapLink, let every: Duration = parameters["every"].flatMap({ Duration(siteText: $0) }), every < .milliseconds(20) {
      problems.append("flap-link, every: a line comes and goes once in 20 ms at most, not in \(every)")
    }
    if kind == .degradeLink, parameters.isEmpty { problems.append("degrade-link needs one of delay, loss, bandwidth") }
    if !FaultParameters.lease.contains(lease) {
      problems.append(
        "a fault lasts \(FaultParameters.lease.lowerBound) to \(FaultParameters.lease.upperBound) without being renewed, not \(lease)")
    }
    return problems
  }

  private func targetProblems(_ site: Site) -> [String] {
    switch (kind, target) {
    case (.cutLink, .line(let from, let to, _)), (.degradeLink, .line(let from, let to, _)), (.flapLink, .line(let from, let to, _)),
      (.apiLatency, .line(let from, let to, _)):
      let places: [String] = site.centers.map(\.name.value) + (site.lab.map { [$0.branch.name.value] } ?? [])
      let unknown: [String] = [from, to].filter { !places.contains($0) }
      if !unknown.isEmpty { return unknown.map { "no place is called \($0); there are \(places.joined(separator: ", "))" } }
      return from == to ? ["a line has two ends, not \(from) twice"] : []
    case (.cutLink, _), (.degradeLink, _), (.flapLink, _), (.apiLatency, _):
      return ["\(kind.rawValue) is done to a line, such as `production <-> local-dr`"]
    case (_, .line): return ["\(kind.rawValue) is done to a center or to hosts, not to a line"]
    case (.capacityShort, .hosts): return ["capacity-short is done to a center"]
    case (_, .center(let center)):
      guard let known: Center = site.center(center) else { return ["no center is called \(center)"] }
      let isTooFew: Bool = kind == .capacityShort && known.hosts.count < 2
      return isTooFew ? ["\(center) has \(known.hosts.count) hosts: none can be taken so that one stays"] : []
    case (_, .hosts(let hosts)):
      if hosts.isEmpty { return ["\(kind.rawValue) names no host"] }
      return hosts.filter { site.host($0) == nil }.map { "no host is called \($0)" }
    }
  }
}
