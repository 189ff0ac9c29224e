import KubeClient
import KubeModel
import Primitives

extension PodWorker {
  /// The latest status wins; one call at a time, so that the API sees them in order. The steps of a start are told a little later: what
  /// people and proxies wait for is the last one, and it should not stand behind another's write.
  func publish(_ status: JSONValue) {
    pendingStatus = status
    guard isStep(status) else {
      statusDue = true
      return publishIfIdle()
    }
    guard !settling else { return }
    settling = true
    context.jobs.spawn { await self.settle() }
  }

  private func settle() async {
    try? await Task.sleep(for: KubeletLimits.statusSettle)
    settling = false
    guard pendingStatus != nil else { return }
    statusDue = true
    publishIfIdle()
  }

  /// On the way to the first "ready". A `hot` pod's address is told at once: until proxies know it, a fence drops its packets.
  private func isStep(_ status: JSONValue) -> Bool {
    guard lifecycle.blueprint.exclusive, !times.told, ["Pending", "Running"].contains(status["phase"].string ?? "") else { return false }
    return !status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" }
  }

  func publishIfIdle() {
    guard !publishing else { return }
    publishing = true
    context.jobs.spawn { await self.publishAll() }
  }

  private func publishAll() async {
    var pause: Duration = KubeletLimits.apiRetry
    while !Task.isCancelled {
      if statusDue, let status: JSONValue = pendingStatus {
        (pendingStatus, statusDue) = (nil, false)
        guard await send(status) else {
          if pendingStatus == nil { pendingStatus = status }
          statusDue = true
          try? await Task.sleep(for: pause)
          pause = min(pause * 2, KubeletLimits.apiRetryMost)
          continue
        }
        pause = KubeletLimits.apiRetry
      } else if pendingDelete {
        pendingDelete = false
        let deleted: Bool = await deleteObject()
        apply(deleted ? lifecycle.onDeleted(now: now) : lifecycle.onDeleteFailed(now: now))
      } else {
        break
      }
    }
    publishing = false
  }

  /// A merge patch of the whole status: arrays are replaced, members that are gone are named with null. The uid in it makes the
  /// server refuse when a new pod of the same name has taken the place.
  private func send(_ status: JSONValue) async -> Bool {
    let context: WorkerContext = context
    let key: (namespace: String, name: String) = (pod.namespace, pod.name)
    let patch: JSONValue = Self.patch(status, uid: uid)
    let began: MonotonicTime = context.clock.now()
    do {
      try await context.patchSlots.with {
        _ = try await context.client.patch(
          .pods, namespace: key.namespace, name: key.name, type: .merge, patch, subresource: "status")
      }
      context.steps.patch.recordNanoseconds((context.clock.now() - began).inNanoseconds)
      return true
    } catch let error as KubeError where error.code == .notFound || error.code == .conflict || error.code == .invalid {
      // The pod is gone or another one has its name; the informer will say so. An invalid status would be refused again.
      if error.code == .invalid { context.logger.error("the API refused a pod's status: \(error)", metadata: ["pod": "\(pod.key)"]) }
      return true
    } catch {
      context.logger.debug("a pod's status was not written, trying again: \(error)", metadata: ["pod": "\(pod.key)"])
      return false
    }
  }

  static func patch(_ status: JSONValue, uid: String) -> JSONValue {
    var members: [(String, JSONValue)] = []
    for member in status.object?.members ?? [] { members.append((member.key, member.value)) }
    for key in ["reason", "message", "podIP", "podIPs"] where status[key].isNull { members.append((key, .null)) }
    return .object(JSONObject([("metadata", ["uid": .string(uid)]), ("status", .object(JSONObject(members)))]))
  }

  private func deleteObject() async -> Bool {
    do {
      try await context.client.delete(
        .pods, namespace: pod.namespace, name: pod.name, options: DeleteOptions(gracePeriodSeconds: 0, uid: uid))
      return true
    } catch let error as KubeError where error.code == .notFound || error.code == .conflict {
      return true
    } catch {
      context.logger.debug("a pod was not deleted, trying again: \(error)", metadata: ["pod": "\(pod.key)"])
      return false
    }
  }
}
