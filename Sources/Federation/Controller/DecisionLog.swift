import KubeClient
import KubeModel
import Logging
import Primitives

/// Writes decisions in the order in which they were made, beside what they decide: nothing waits for the audit trail, and what the store
/// does not take now is tried again until it does.
final class DecisionLog: Sendable {
  private let client: KubeClient
  private let center: CenterName
  private let host: HostName
  private let clock: any TimeSource
  private let logger: Logger
  private let waiting: AsyncStream<KubeObject>
  private let mouth: AsyncStream<KubeObject>.Continuation

  init(client: KubeClient, center: CenterName, host: HostName, clock: any TimeSource, logger: Logger) {
    self.client = client
    self.center = center
    self.host = host
    self.clock = clock
    self.logger = logger
    (waiting, mouth) = AsyncStream<KubeObject>.makeStream(bufferingPolicy: .bufferingOldest(FederationLimits.decisionsOnTheWay))
  }

  func note(_ decision: Decision) {
    let object: KubeObject = decision.object(center: center, host: host, now: clock.wall())
    if case .dropped = mouth.yield(object) { logger.error("too many decisions wait for the store; this one is only here: \(object.spec)") }
  }

  /// Runs until its task is cancelled.
  func run() async {
    for await object in waiting {
      var pause: Duration = .milliseconds(100)
      while !Task.isCancelled {
        do {
          _ = try await client.create(.decisions, object)
          break
        } catch let error as KubeError where [.invalid, .forbidden, .badRequest].contains(error.code) {
          logger.error("a decision is refused: \(error)")
          break
        } catch {
          logger.debug("a decision cannot be written: \(error)")
          try? await Task.sleep(for: pause)
          pause = min(pause * 2, .seconds(5))
        }
      }
    }
  }

  /// Drops the oldest; called now and then by the active center.
  func prune(cluster: String) async {
    do {
      let all: [KubeObject] = try await client.list(.decisions).items.filter { $0.spec["cluster"].string == cluster }
      for object in Decision.surplus(all) { try? await client.delete(.decisions, name: object.name) }
    } catch {
      logger.debug("the audit trail cannot be looked through: \(error)")
    }
  }
}
