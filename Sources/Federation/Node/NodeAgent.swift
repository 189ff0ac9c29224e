import KubeClient
import KubeModel
import Logging
import Primitives

/// The federation's part in a host's node process: turns the activation into what kubelet and proxy may do here, and reports the
/// epoch that this host has obeyed, so that the active center can stop treating it as fenced.
public final class NodeAgent: Sendable {
  public enum Permission: Hashable, Sendable {
    /// This center is active: exclusive pods and their traffic are allowed until then, on this host's monotonic clock.
    case allowed(until: MonotonicTime)
    case denied(reason: String)
    /// Nothing has been witnessed yet that would allow or forbid.
    case unknown(reason: String)
  }

  private let client: KubeClient
  private let observer: ActivationObserver
  private let center: CenterName
  private let node: String
  /// What of the host's exclusive pods is meant.
  public enum Pods: Hashable, Sendable {
    case all(besides: Set<String>)
    case namespace(String)
  }
  private let exclusivePods: @Sendable (Pods) async -> Int?
  private let stopExclusivePods: @Sendable (_ namespace: String?, _ reason: String, _ version: UInt64) async -> Void
  private let logger = Logger(label: "federation.node")

  /// - Parameters:
  ///   - exclusivePods: how many of these exclusive pods run on this host now; nil while that is not known, and then nothing is reported
  ///     that depends on it.
  ///   - stopExclusivePods: ends them, those of one namespace or all, because a record of this version says so; returns when none is
  ///     left, or after a while.
  public init(
    client: KubeClient, observer: ActivationObserver, center: CenterName, node: String,
    exclusivePods: @escaping @Sendable (Pods) async -> Int?,
    stopExclusivePods: @escaping @Sendable (_ namespace: String?, _ reason: String, _ version: UInt64) async -> Void
  ) {
    self.client = client
    self.observer = observer
    self.center = center
    self.node = node
    self.exclusivePods = exclusivePods
    self.stopExclusivePods = stopExclusivePods
  }

  /// What is allowed here, told after every read of the activation. Between two tellings the last one's deadline counts.
  public static func permission(_ view: ActivationView, center: CenterName) -> Permission {
    guard let record: ActivationRecord = view.record else { return .unknown(reason: "no activation is known") }
    guard record.center == center else { return .denied(reason: "\(record.center) is active since epoch \(record.epoch)") }
    if let handover = record.handover { return .denied(reason: "\(center) gives way to \(handover.to), epoch \(record.epoch)") }
    guard let until: MonotonicTime = view.validUntil else { return .unknown(reason: "no renewal of the activation has been seen yet") }
    return .allowed(until: until)
  }

  /// The same for every namespace that the record places apart from the rest.
  public static func namespaces(_ view: ActivationView, center: CenterName) -> [String: Permission] {
    var found: [String: Permission] = [:]
    for placement in view.record?.placements ?? [] {
      switch view.claim(of: center, on: placement.namespace) {
      case .general: break
      case .allowed(let until): found[placement.namespace] = .allowed(until: until)
      case .denied(let reason): found[placement.namespace] = .denied(reason: reason)
      case .unproven: found[placement.namespace] = .unknown(reason: "no read has shown yet that it is placed here")
      }
    }
    return found
  }

  /// Reports the obeyed epoch, and that this host has given way, until its task is cancelled.
  public func run() async {
    var reported: Int64 = 0
    var yielded: Int64 = 0
    var stopped: Set<UInt64> = []
    for await view in observer.views() {
      if Task.isCancelled { return }
      guard let record: ActivationRecord = view.record else { continue }
      stopped = await giveNamespaces(record, stopped)
      if record.center == center, record.handover != nil, record.epoch > yielded,
        case .denied(let reason) = Self.permission(view, center: center)
      {
        await stopExclusivePods(nil, reason, record.version)
        guard Self.mayReport(await exclusivePods(.all(besides: []))) else { continue }
        if await report(FederationNames.yieldedEpochAnnotation, record.epoch) {
          yielded = record.epoch
          logger.info("gave way", metadata: ["epoch": "\(record.epoch)"])
        }
      }
      guard record.epoch > reported else { continue }
      // An active host obeys by running the pods; a standby host by running none of the exclusive ones.
      let own: Set<String> = Set(record.placements.filter { $0.center == center && $0.yieldsTo == nil }.map(\.namespace))
      if record.center != center, !Self.mayReport(await exclusivePods(.all(besides: own))) { continue }
      if await report(FederationNames.observedEpochAnnotation, record.epoch) {
        reported = record.epoch
        logger.info("obeys", metadata: ["epoch": "\(record.epoch)", "active": "\(record.center)"])
      }
    }
  }

  /// Ends the pods of namespaces that leave this center, and says so. What was said before stays said as long as it is about something.
  private func giveNamespaces(_ record: ActivationRecord, _ said: Set<UInt64>) async -> Set<UInt64> {
    let leaving: [NamespacePlacement] = record.placements.filter { $0.center == center && $0.yieldsTo != nil }
    var stopped: Set<UInt64> = said.intersection(leaving.map(\.token))
    for placement in leaving where !stopped.contains(placement.token) {
      let reason: String = "\(placement.namespace) is being moved to \(placement.yieldsTo?.value ?? "?")"
      await stopExclusivePods(placement.namespace, reason, record.version)
      if Self.mayReport(await exclusivePods(.namespace(placement.namespace))) { stopped.insert(placement.token) }
    }
    guard !stopped.isSubset(of: said) else { return stopped }
    let told: String = stopped.sorted().map { String($0) }.joined(separator: ",")
    guard await report(FederationNames.stoppedPlacementsAnnotation, told) else { return said }
    logger.info("gave namespaces", metadata: ["namespaces": "\(leaving.map(\.namespace).joined(separator: ", "))"])
    return stopped
  }

  /// Only a host that knows that it runs no exclusive pod may say so: the target of a move takes over on its word.
  static func mayReport(_ exclusivePods: Int?) -> Bool { exclusivePods == 0 }

  /// False: not now; the next view tries again.
  private func report(_ annotation: String, _ epoch: Int64) async -> Bool { await report(annotation, String(epoch)) }
  private func report(_ annotation: String, _ value: String) async -> Bool {
    do {
      _ = try await client.patch(
        .nodes, name: node, type: .merge, ["metadata": ["annotations": [annotation: .string(value)]]])
      return true
    } catch let error as KubeError where error.code == .notFound {
      // The kubelet has not registered the node yet.
      return false
    } catch {
      logger.debug("\(annotation) cannot be reported: \(error)")
      return false
    }
  }
}
