import HTTP
import HTTPTypes
import NIOCore
import Primitives

extension KubeletResponder {
  private func options(_ query: [String: String]) -> ContainerLog.Options {
    var options = ContainerLog.Options()
    options.follow = query["follow"] == "true"
    options.timestamps = query["timestamps"] == "true"
    options.previous = query["previous"] == "true"
    options.tailLines = query["tailLines"].flatMap { Int($0) }.map { max(0, $0) }
    options.limitBytes = query["limitBytes"].flatMap { Int($0) }.map { max(0, $0) }
    options.sinceTime = query["sinceTime"].flatMap { WallTime(rfc3339: $0) }
    if let seconds = query["sinceSeconds"].flatMap({ Int64($0) }) {
      let now: WallTime = clock.wall()
      options.sinceTime = WallTime(secondsSince1970: now.secondsSince1970 - seconds, nanoseconds: now.nanoseconds)
    }
    return options
  }

  /// `/containerLogs/NAMESPACE/POD/CONTAINER`; the query is that of k8s' PodLogOptions.
  func logs(_ worker: PodWorker, _ container: String, _ query: [String: String], _ response: any ResponseWriter) async throws {
    let options: ContainerLog.Options = options(query)
    if let obstacle: String = await worker.logObstacle(container, previous: options.previous) {
      return try await text(response, .badRequest, obstacle + "\n")
    }
    if kubelet.isRuntimeSimulated {
      return try await text(response, .ok, "Pods of this node are simulated: there are no containers, and nobody says anything.\n")
    }
    guard let path: String = await worker.logFile(container, previous: options.previous) else {
      return try await text(response, .notFound, "container \"\(container)\" is not available\n")
    }
    var head = HTTPResponse(status: .ok)
    head.headerFields[.contentType] = "text/plain; charset=utf-8"
    try await response.send(head)
    let sender = LogSender(path: path, options: options) {
      // Another attempt writes to another file, and a pod that is gone to none.
      guard await worker.isRunning(container) else { return false }
      return await worker.logFile(container, previous: false) == path
    }
    try await sender.send(to: response)
    try await response.finish()
  }
}
