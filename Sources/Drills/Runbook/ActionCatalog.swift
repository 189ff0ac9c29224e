import Glibc
import Primitives
import Site

/// Every action that a runbook may name, with its inputs, so that a runbook can be refused before its first step.
struct ActionDescription: Sendable {
  enum Kind: Sendable {
    case text, center, file, number, time

    /// Why `text` cannot be meant, nil if it can.
    func objection(to text: String, site: Site, folder: String) -> String? {
      switch self {
      case .text: nil
      case .center: site.center(CenterName(text)) == nil ? "no center is called \(text)" : nil
      case .file: access("\(folder)/\(text)", R_OK) == 0 ? nil : "\(folder)/\(text) cannot be read"
      case .number: Int(text).map { $0 >= 0 } == true ? nil : "\"\(text)\" is not a number"
      case .time: Duration(siteText: text) == nil ? "\"\(text)\" is not a time such as 50ms" : nil
      }
    }
  }
  struct Input: Sendable {
    var name: String
    var kind: Kind
    var isRequired: Bool = true
  }
  var inputs: [Input]
  var run: @Sendable (DrillContext, [String: String]) async throws -> String
}

enum ActionCatalog {
  typealias Input = ActionDescription.Input

  static let actions: [String: ActionDescription] = [
    "cluster.requireActive": .init(inputs: [Input(name: "center", kind: .center)], run: ClusterActions.requireActive),
    "cluster.moveTo": .init(inputs: [Input(name: "center", kind: .center)], run: ClusterActions.moveTo),
    "workload.apply": .init(inputs: [Input(name: "file", kind: .file)], run: WorkloadActions.apply),
    "workload.waitAvailable": .init(
      inputs: [Input(name: "namespace", kind: .text), Input(name: "deployment", kind: .text)], run: WorkloadActions.waitAvailable),
    "workload.remember": .init(
      inputs: [Input(name: "namespace", kind: .text), Input(name: "deployment", kind: .text), Input(name: "service", kind: .text)],
      run: WorkloadActions.remember),
    "probe.requests": .init(
      inputs: [Input(name: "namespace", kind: .text), Input(name: "service", kind: .text), Input(name: "every", kind: .time)],
      run: ProbeActions.requests),
    "probe.writes": .init(
      inputs: [Input(name: "namespace", kind: .text), Input(name: "writers", kind: .number)], run: ProbeActions.writes),
    "probe.steady": .init(
      inputs: [Input(name: "requests", kind: .number), Input(name: "writes", kind: .number)], run: ProbeActions.steady),
    "probe.waitWrite": .init(inputs: [], run: ProbeActions.waitWrite),
    "probe.waitServed": .init(inputs: [Input(name: "requests", kind: .number)], run: ProbeActions.waitServed),
    "probe.stop": .init(inputs: [], run: ProbeActions.stop),
    "fault.centerLoss": .init(inputs: [Input(name: "center", kind: .center)], run: FaultActions.centerLoss),
    "fault.centerReturn": .init(inputs: [Input(name: "center", kind: .center)], run: FaultActions.centerReturn),
    "verify.writes": .init(inputs: [Input(name: "center", kind: .center, isRequired: false)], run: VerifyActions.writes),
    "verify.identity": .init(inputs: [], run: VerifyActions.identity),
    "verify.noneReady": .init(
      inputs: [Input(name: "center", kind: .center), Input(name: "namespace", kind: .text), Input(name: "service", kind: .text)],
      run: VerifyActions.noneReady),
    "center.waitCaughtUp": .init(inputs: [Input(name: "center", kind: .center)], run: ClusterActions.waitCaughtUp),
    "center.waitStandby": .init(inputs: [Input(name: "center", kind: .center)], run: ClusterActions.waitStandby),
  ]
}
