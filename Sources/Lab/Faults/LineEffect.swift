import Primitives
import Site

/// Faults of lines, done by the wide-area element, which also ends them at their deadlines: nobody has to be alive for that.
struct LineEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  func obstacle() -> String? {
    lab.usesNamespaces ? nil : "this lab runs on loopback addresses, without a wide-area element: its lines cannot be changed"
  }

  private var change: LinkSetting.Change {
    if fault.kind == .cutLink || fault.kind == .flapLink { return .init(cut: true) }
    return .init(
      delay: fault.parameters["delay"].flatMap { Duration(siteText: $0) },
      loss: fault.parameters["loss"].flatMap { FaultParameters.part($0) },
      bitsPerSecond: fault.parameters["bandwidth"].flatMap { Int64($0) })
  }

  private var port: UInt16? {
    guard fault.kind == .apiLatency else { return nil }
    return fault.parameters["port"].flatMap { UInt16($0) } ?? UInt16(lab.site.ports.apiserver)
  }

  private var every: Duration? { fault.kind == .flapLink ? fault.parameters["every"].flatMap { Duration(siteText: $0) } : nil }

  private func lay(_ id: String) throws {
    guard case .line(let from, let to, let oneWay) = fault.target else { return }
    let client = WideAreaClient(directory: lab.directory)
    try client.inject(id, from: from, to: to, change, port: port, every: every, lease: fault.lease)
    if !oneWay { try client.inject(id, from: to, to: from, change, port: port, every: every, lease: fault.lease) }
  }

  func begin(_ handle: FaultHandle) throws -> String {
    try lay(handle.id)
    switch fault.kind {
    case .cutLink: return "nothing passes \(fault.target)"
    case .flapLink: return "\(fault.target) comes and goes once in \(fault.parameters["every"] ?? "")"
    case .apiLatency: return "port \(port ?? 0) is \(fault.parameters["delay"] ?? "") slower each way on \(fault.target)"
    default:
      let said: [String] = fault.parameters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      return "\(fault.target) is worse: \(said.joined(separator: ", "))"
    }
  }

  func renew(_ handle: FaultHandle) throws { try lay(handle.id) }

  func end(_ handle: FaultHandle) throws -> String {
    let client = WideAreaClient(directory: lab.directory)
    // One that ran out is on no line any more.
    if try client.faults()[handle.id] != nil { try client.mend(handle.id) }
    return "\(fault.target) is as the site file says"
  }
}
