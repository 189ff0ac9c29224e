import Primitives
import Site

/// The power of hosts fails, of all of a center or of so many that its capacity falls short.
struct PowerEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  func begin(_ handle: FaultHandle) throws -> String { "\(lab.power(off: hosts)) processes of \(names) ended by SIGKILL" }

  func end(_ handle: FaultHandle) throws -> String {
    for host in hosts { try lab.power(on: host) }
    return "the power of \(names) is back"
  }
}
