import KubeModel
import Primitives

/// What the lifecycle needs to know of a container; the rest stays in the Pod's JSON for those who build the runtime's configuration.
public struct ContainerBlueprint: Hashable, Sendable {
  public var name: String
  public var image: String
  public var isInit: Bool
  /// An init container with `restartPolicy: Always`: runs beside the containers (k8s: sidecar containers).
  public var isSidecar: Bool
  public var probes: [ProbeBlueprint]
  public var preStop: ProbeAction?
  public var postStart: ProbeAction?

  public init(_ json: JSONValue, isInit: Bool) {
    name = json["name"].string ?? ""
    image = json["image"].string ?? ""
    self.isInit = isInit
    isSidecar = isInit && json["restartPolicy"].string == "Always"
    var ports: [String: Int] = [:]
    for port in json["ports"].array {
      if let name: String = port["name"].string, let number: Int64 = port["containerPort"].int { ports[name] = Int(number) }
    }
    let probed: Bool = !isInit || isSidecar
    probes = ProbeKind.allCases.compactMap { kind in
      let probe: JSONValue = json[kind.rawValue + "Probe"]
      return probed && probe.object != nil ? ProbeBlueprint(kind: kind, probe, ports: ports) : nil
    }
    let hooks: JSONValue = json["lifecycle"]
    preStop = hooks["preStop"].object == nil ? nil : ProbeAction(hooks["preStop"], ports: ports)
    postStart = hooks["postStart"].object == nil ? nil : ProbeAction(hooks["postStart"], ports: ports)
  }

  public func probe(_ kind: ProbeKind) -> ProbeBlueprint? { probes.first { $0.kind == kind } }
}
