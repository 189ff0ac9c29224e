import Primitives
import Processes
import Site

/// Hosts lack an image: it is taken from their containerd, and loaded again from the lab's own archive when the fault ends. Containers that
/// run keep running.
struct ImageEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  private var image: String { fault.parameters["image"] ?? "" }

  func obstacle() -> String? {
    guard lab.usesNamespaces else { return "pods are simulated here, nobody has images" }
    guard [Lab.pauseImage, Lab.webImage].contains(image), LabDirectory.exists(lab.archive(of: image)) else {
      return "the lab can give back \(Lab.webImage) and \(Lab.pauseImage) only"
    }
    let dark: [HostName] = hosts.filter { !lab.isPowered($0) }
    return dark.isEmpty ? nil : "\(dark.map(\.value).joined(separator: ", ")) has no power"
  }

  func begin(_ handle: FaultHandle) throws -> String {
    for host in hosts { try lab.ctr(host, ["images", "rm", "--sync", image])?.runBlockingChecked() }
    return "\(image) is on none of \(hosts.map(\.value).joined(separator: ", "))"
  }

  /// Tried again until a host without power has it again.
  func end(_ handle: FaultHandle) throws -> String {
    for host in hosts {
      guard let load: Command = lab.ctr(host, ["images", "import", lab.archive(of: image)]) else {
        throw LabError(.failed, "\(host) has no power: \(image) is loaded when it has.")
      }
      try load.runBlockingChecked()
    }
    return "\(image) is back on \(hosts.map(\.value).joined(separator: ", "))"
  }
}

extension Lab {
  func archive(of image: String) -> String {
    "\(directory.images)/\(image.replacing("/", with: "_").replacing(":", with: "_")).tar"
  }

  /// nil without power.
  func ctr(_ host: HostName, _ arguments: [String]) -> Command? { processes.hostInit(host).map { inside($0, arguments) } }
}
