import KubeClient
import KubeModel
import Logging
import Primitives

/// Reads the activation record over and over and hands on every answer, with when its read began and ended on the caller's clock.
struct ActivationReader: Sendable {
  struct Answer: Sendable {
    /// nil: there is no record.
    var record: ActivationRecord?
    var began: MonotonicTime
    var finished: MonotonicTime
  }

  private let client: KubeClient
  private let cluster: String
  private let pacer: ReadPacer
  private let clock: any TimeSource
  private let logger: Logger

  init(client: KubeClient, cluster: String, pacer: ReadPacer, timeout: Duration, clock: any TimeSource, logger: Logger) {
    FederationLimits.assertRelations()
    var client: KubeClient = client
    client.followsRetryAfter = false
    client.requestTimeout = timeout
    self.client = client
    self.cluster = cluster
    self.pacer = pacer
    self.clock = clock
    self.logger = logger
  }

  private enum Event {
    case woken
    case ended(Int, Answer?)
  }

  /// Runs until its task is cancelled; what is on its way then is cancelled too.
  func run(_ onAnswer: @Sendable (Answer) async -> Void) async {
    await withTaskGroup(of: Event.self) { group in
      var pacer: ReadPacer = pacer
      group.addTask { .woken }
      while !Task.isCancelled, let event: Event = await group.next() {
        var mustArm: Bool = false
        switch event {
        case .woken: mustArm = true
        case .ended(let number, let answer):
          pacer.onEnd(number)
          if let answer { await onAnswer(answer) }
        }
        let now: MonotonicTime = clock.now()
        if let number: Int = pacer.onTime(now) { group.addTask { .ended(number, await read()) } }
        guard mustArm else { continue }
        let pause: Duration = pacer.wake(after: now) - now
        group.addTask {
          try? await Task.sleep(for: max(pause, .milliseconds(1)))
          return .woken
        }
      }
      group.cancelAll()
    }
  }

  private func read() async -> Answer? {
    let began: MonotonicTime = clock.now()
    do {
      let object: KubeObject? = try await client.find(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: cluster))
      let record: ActivationRecord? = try object.map { try ActivationRecord($0) }
      return Answer(record: record, began: began, finished: clock.now())
    } catch {
      logger.debug("activation cannot be read: \(error)")
      return nil
    }
  }
}
