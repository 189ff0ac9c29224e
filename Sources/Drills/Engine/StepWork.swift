import KubeClient
import KubeModel
import Primitives

/// One piece of a step's work, from its beginning to what is told of it.
struct StepWork: Sendable {
  struct Found: Sendable {
    var result: RunInstance.Result
    var evidence: [String: String] = [:]
  }

  let plan: RunPlan
  let step: Int
  let context: DrillContext
  let actions: ActionCatalog

  private var planned: RunPlan.Step { plan.steps[step] }

  func run(_ work: RunInstance.Work) async -> Found {
    switch work {
    case .check: return Found(result: await conditions(planned.preconditions, "before"))
    case .restore: return Found(result: await lasting(actions[planned.call.action]?.sustain))
    case .renew: return Found(result: await lasting(actions[planned.call.action]?.renewal?.renew))
    case .ask: return Found(result: await asked(planned.call, key: planned.key))
    case .compensate(let asks):
      guard let call: Runbook.Call = planned.compensation else { return Found(result: .passed("nothing to undo")) }
      return Found(result: await effect(call, key: "\(planned.key)/undo", asks: asks))
    case .perform(let asks):
      switch plan.mode {
      case .precheck: return Found(result: await precheck())
      case .dryRun: return Found(result: .passed("would \(planned.call.action) \(told(planned.call))"))
      case .isolated, .live: return await perform(asks)
      }
    }
  }

  private func perform(_ asks: Bool) async -> Found {
    let result: RunInstance.Result = await effect(planned.call, key: planned.key, asks: asks)
    guard case .passed(let message) = result else { return Found(result: result) }
    if case .failed(let reason, _) = await conditions(planned.postconditions, "after") {
      return Found(result: .failed("\(message); but \(reason)", happened: planned.effect == .changes))
    }
    var evidence: [String: String] = [:]
    let kept: DrillContext = (try? await ground(planned.call)) ?? context
    for source in planned.evidence { evidence[source.name] = await Evidence.take(source, kept) }
    return Found(result: .passed(message), evidence: evidence)
  }

  /// What a runner before, or this one, began goes on under this one.
  private func lasting(_ body: ActionDescription.Body?) async -> RunInstance.Result {
    guard let body else { return await effect(planned.call, key: planned.key, asks: false) }
    do {
      return .passed(try await body(try await ground(planned.call), called(planned.call, key: planned.key)))
    } catch {
      return .failed(Self.told(error), happened: false)
    }
  }

  private func called(_ call: Runbook.Call, key: String) -> StepCall {
    StepCall(
      step: planned.id, inputs: isInCopy(call) ? plan.inputsInCopy(call, site: context.site) : call.inputs, key: key,
      deadline: context.clock.now() + call.timeout)
  }

  private func isInCopy(_ call: Runbook.Call) -> Bool { plan.hasCopy && Isolation.of(call.action) == .copy }

  /// Where an action acts: in mode isolated most of them in the copy.
  private func ground(_ call: Runbook.Call) async throws -> DrillContext {
    guard isInCopy(call) else { return context }
    return try await CopyActions.session(context).ground(for: context)
  }

  /// Runs the action unless it has happened already, and finds out whether it did when it fails.
  private func effect(_ call: Runbook.Call, key: String, asks: Bool) async -> RunInstance.Result {
    guard let action: ActionDescription = actions[call.action] else {
      return .failed("no action is called \(call.action)", happened: false)
    }
    if asks, let probe: ActionDescription.Question = action.probe {
      switch await answer(probe, call, key) {
      case .happened(let message): return .passed(message.isEmpty ? "it had happened already" : "it had happened already: \(message)")
      case .unknown(let reason): return .failed(reason, happened: nil)
      case .notHappened: break
      }
    }
    do {
      return .passed(try await action.run(try await ground(call), called(call, key: key)))
    } catch {
      let reason: String = Self.told(error)
      guard action.effect == .changes else { return .failed(reason, happened: false) }
      guard let probe: ActionDescription.Question = action.probe else { return .failed(reason, happened: true) }
      switch await answer(probe, call, key) {
      case .happened(let message): return .passed("\(message); its answer was lost: \(reason)")
      case .notHappened: return .failed(reason, happened: false)
      case .unknown(let why): return .failed("\(reason); \(why)", happened: nil)
      }
    }
  }

  /// Whether it happened. Where an action cannot be asked, it counts as done, so that it is undone.
  private func asked(_ call: Runbook.Call, key: String) async -> RunInstance.Result {
    guard let probe: ActionDescription.Question = actions[call.action]?.probe else { return .passed("it may have happened") }
    return switch await answer(probe, call, key) {
    case .happened(let message): .passed(message)
    case .notHappened: .failed("it did not happen", happened: false)
    case .unknown(let reason): .failed(reason, happened: nil)
    }
  }

  private func answer(_ probe: ActionDescription.Question, _ call: Runbook.Call, _ key: String) async -> ActionDescription.Answer {
    do {
      return try await probe(try await ground(call), called(call, key: key))
    } catch {
      return .unknown("it cannot be asked whether it happened: \(Self.told(error))")
    }
  }

  private func conditions(_ calls: [Runbook.Call], _ when: String) async -> RunInstance.Result {
    for call in calls {
      guard let action: ActionDescription = actions[call.action] else { continue }
      do {
        _ = try await action.run(try await ground(call), called(call, key: planned.key))
      } catch {
        return .failed("\(call.action) \(when) it: \(Self.told(error))", happened: false)
      }
    }
    return .passed("\(calls.count) conditions hold")
  }

  /// What the step needs is there: its objects, unless a step of the runbook brings them.
  private func precheck() async -> RunInstance.Result {
    let made: Set<ObjectReference> = plan.objectsMade
    for reference in actions[planned.call.action]?.objects(planned.call.inputs) ?? [] where !made.contains(reference) {
      do {
        guard try await context.client.find(reference.resource, namespace: reference.namespace, name: reference.name) != nil else {
          return .failed("\(reference) is not there", happened: false)
        }
      } catch {
        return .failed("\(reference) cannot be looked at: \(Self.told(error))", happened: false)
      }
    }
    return .passed(planned.preconditions.isEmpty ? "nothing stands against it" : "what must hold before it holds")
  }

  private func told(_ call: Runbook.Call) -> String {
    call.inputs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  private static func told(_ error: any Error) -> String {
    error is CancellationError ? "it was interrupted" : "\(error)"
  }
}

extension RunPlan {
  /// Objects that its own steps apply.
  var objectsMade: Set<ObjectReference> {
    var made: Set<ObjectReference> = []
    for step in steps where ["workload.apply", "outside.apply"].contains(step.call.action) {
      guard let text: String = step.call.inputs["file"].flatMap({ runbook.files.text($0) }) else { continue }
      for object in (try? Manifest.objects(text)) ?? [] {
        guard let resource = Manifest.resource(of: object) else { continue }
        made.insert(ObjectReference(resource: resource, namespace: object.namespace, name: object.name))
      }
    }
    return made
  }
}

/// What a step was told to keep, as JSON.
enum Evidence {
  static func take(_ source: EvidenceSource, _ context: DrillContext) async -> String {
    let value: JSONValue
    do {
      value = try await look(source, context)
    } catch {
      value = ["missing": .string("\(error)")]
    }
    let text = String(decoding: value.serialized(), as: UTF8.self)
    guard text.utf8.count > DrillLimits.evidenceBytes else { return text }
    let cut: JSONValue = [
      "cutAfterBytes": .int(Int64(DrillLimits.evidenceBytes)), "text": .string(String(text.prefix(DrillLimits.evidenceBytes))),
    ]
    return String(decoding: cut.serialized(), as: UTF8.self)
  }

  private static func look(_ source: EvidenceSource, _ context: DrillContext) async throws -> JSONValue {
    switch source {
    case .object(let reference):
      var object: KubeObject = try await context.client.get(reference.resource, namespace: reference.namespace, name: reference.name)
      object.json["metadata"]["managedFields"] = .null
      return object.json
    case .activation: return try await ClusterActions.activation(context).spec
    case .store: return .array(await StoreMember.ask(context).map(\.json))
    }
  }
}
