import Primitives
import Site

/// How one kind of fault is done in the lab, and undone. Undoing must be possible from the record alone, in another process, and do no harm
/// where the fault was done by half or has ended by itself.
protocol FaultEffect: Sendable {
  var lab: Lab { get }
  var fault: FaultSpec { get }
  init(_ lab: Lab, _ fault: FaultSpec)
  /// What keeps it from being done here, nil if nothing does.
  func obstacle() -> String?
  /// Returns what was done, in a sentence.
  func begin(_ handle: FaultHandle) throws -> String
  /// A new deadline, for effects that whoever carries them out ends by itself.
  func renew(_ handle: FaultHandle) throws
  func end(_ handle: FaultHandle) throws -> String
}

extension FaultEffect {
  var hosts: [HostName] { fault.hosts(lab.site) }
  /// Of the hosts, for sentences.
  var names: String { hosts.map(\.value).joined(separator: ", ") }
  func obstacle() -> String? { nil }
  func renew(_ handle: FaultHandle) throws {}
}

extension FaultSpec.Kind {
  var effect: any FaultEffect.Type {
    switch self {
    case .cutLink, .degradeLink, .flapLink, .apiLatency: LineEffect.self
    case .killProcess, .freezeProcess, .nodeNotReady: ProcessEffect.self
    case .freezeHost: HostEffect.self
    case .powerOff, .capacityShort: PowerEffect.self
    case .dnsSilent: NameServiceEffect.self
    case .clockJump: ClockEffect.self
    case .certificateExpired: CertificateEffect.self
    case .imageMissing: ImageEffect.self
    case .fullDisk, .slowDisk: DiskEffect.self
    case .failingDisk: FailingDiskEffect.self
    }
  }
}
