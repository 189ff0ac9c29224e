import KubeClient
import KubeModel
import Logging
import Primitives

/// What was learned of the activation record, and when, on the caller's clock.
enum ActivationFinding: Sendable {
  /// A linearizable read; nil: there is no record.
  case read(ActivationRecord?, began: MonotonicTime, finished: MonotonicTime)
  case watched(ActivationRecord, at: MonotonicTime)
}

/// Reads the activation record over and over, watches it beside that, and hands on what it finds. The watch costs the store nothing and
/// tells of a renewal within milliseconds; only a read tells that nothing newer has been committed.
struct ActivationReader: Sendable {
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
    case ended(Int, ActivationFinding?)
    case watched(ActivationFinding)
  }

  /// Runs until its task is cancelled; what is on its way then is cancelled too. `onFinding` says how the next read is to be paced.
  func run(_ onFinding: @Sendable (ActivationFinding) async -> ReadPacer.Mood) async {
    let watch = Informer(
      client: client, resource: .leases, namespace: ActivationRecord.namespace,
      fieldSelector: "metadata.name=\(ActivationRecord.name(cluster: cluster))")
    let (watched, told) = AsyncStream<ActivationFinding>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let clock: any TimeSource = clock
    watch.addHandler(Self.handlers { told.yield(.watched($0, at: clock.now())) })
    await withDiscardingTaskGroup { outer in
      outer.addTask { await watch.run() }
      await follow(watched, onFinding)
      outer.cancelAll()
    }
  }

  /// A deletion is no renewal, although it has a version of its own: only reads tell of absence.
  static func handlers(_ tell: @escaping @Sendable (ActivationRecord) -> Void) -> InformerHandlers {
    @Sendable func told(_ object: KubeObject) { if let record = try? ActivationRecord(object) { tell(record) } }
    return InformerHandlers(onAdd: { told($0) }, onUpdate: { told($1) })
  }

  private func follow(
    _ watched: AsyncStream<ActivationFinding>, _ onFinding: @Sendable (ActivationFinding) async -> ReadPacer.Mood
  ) async {
    await withTaskGroup(of: Event.self) { group in
      var pacer: ReadPacer = pacer
      group.addTask { .woken }
      group.addTask { await Self.next(watched) }
      while !Task.isCancelled, let event: Event = await group.next() {
        var mustArm: Bool = false
        switch event {
        case .woken: mustArm = true
        case .ended(let number, let finding):
          pacer.onEnd(number)
          if let finding { pacer.mood = await onFinding(finding) }
        case .watched(let finding):
          pacer.mood = await onFinding(finding)
          group.addTask { await Self.next(watched) }
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

  private static func next(_ watched: AsyncStream<ActivationFinding>) async -> Event {
    for await finding in watched { return .watched(finding) }
    return .woken
  }

  private func read() async -> ActivationFinding? {
    let began: MonotonicTime = clock.now()
    do {
      let object: KubeObject? = try await client.find(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: cluster))
      let record: ActivationRecord? = try object.map { try ActivationRecord($0) }
      return .read(record, began: began, finished: clock.now())
    } catch {
      logger.debug("activation cannot be read: \(error)")
      return nil
    }
  }
}
