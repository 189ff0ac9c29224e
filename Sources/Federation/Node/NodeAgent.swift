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
  }

  private let client: KubeClient
  private let observer: ActivationObserver
  private let center: CenterName
  private let node: String
  private let exclusivePods: @Sendable () async -> Int
  private let logger = Logger(label: "federation.node")

  /// `exclusivePods`: how many exclusive pods run on this host now.
  public init(
    client: KubeClient, observer: ActivationObserver, center: CenterName, node: String, exclusivePods: @escaping @Sendable () async -> Int
  ) {
    self.client = client
    self.observer = observer
    self.center = center
    self.node = node
    self.exclusivePods = exclusivePods
  }

  /// What is allowed here, told after every read of the activation. Between two tellings the last one's deadline counts.
  public static func permission(_ view: ActivationView, center: CenterName) -> Permission {
    guard let record: ActivationRecord = view.record else { return .denied(reason: "no activation is known") }
    guard record.center == center else { return .denied(reason: "\(record.center) is active since epoch \(record.epoch)") }
    guard let until: MonotonicTime = view.validUntil else { return .denied(reason: "no renewal of the activation has been seen yet") }
    return .allowed(until: until)
  }

  /// Reports the obeyed epoch until its task is cancelled.
  public func run() async {
    var reported: Int64 = 0
    for await view in observer.views() {
      guard let record: ActivationRecord = view.record, record.epoch > reported else { continue }
      // An active host obeys by running the pods; a standby host by running none of the exclusive ones.
      if record.center != center, await exclusivePods() > 0 { continue }
      do {
        let annotations: JSONValue = [FederationNames.observedEpochAnnotation: .string(String(record.epoch))]
        _ = try await client.patch(.nodes, name: node, type: .merge, ["metadata": ["annotations": annotations]])
        reported = record.epoch
        logger.info("obeys", metadata: ["epoch": "\(record.epoch)", "active": "\(record.center)"])
      } catch let error as KubeError where error.code == .notFound {
        // The kubelet has not registered the node yet; the next view tries again.
      } catch {
        logger.debug("epoch cannot be reported: \(error)")
      }
      if Task.isCancelled { return }
    }
  }
}
