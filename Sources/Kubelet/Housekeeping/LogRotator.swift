import Glibc
import Logging
import Metrics
import Primitives

/// Looks at the logs of running containers every so often and turns those over that have grown large (upstream's
/// `containerLogMaxSize` and `containerLogMaxFiles`).
struct LogRotator: Sendable {
  let runtime: any ContainerRuntime
  let rotation: LogRotation
  let clock: any TimeSource
  private let logger = Logger(label: "kubelet.logs")
  private let rotations = Counter(label: "kubelet_container_log_rotations_total")

  init(runtime: any ContainerRuntime, rotation: LogRotation, clock: any TimeSource) {
    self.runtime = runtime
    self.rotation = rotation
    self.clock = clock
  }

  /// `path`: the file that the runtime writes for the running container `id`.
  func look(at path: String, container id: String) async {
    var facts = stat()
    guard stat(path, &facts) == 0, let slash: String.Index = path.lastIndex(of: "/") else { return }
    let folder = String(path[..<slash])
    let name = String(path[path.index(after: slash)...])
    let steps: [LogRotation.Step] = rotation.steps(
      name: name, size: Int64(facts.st_size), present: Files.names(in: folder), now: clock.wall())
    for step in steps {
      switch step {
      case .remove(let old): unlink("\(folder)/\(old)")
      case .rename(let fresh): await turnOver(path, "\(folder)/\(fresh)", id)
      }
    }
  }

  private func turnOver(_ path: String, _ fresh: String, _ id: String) async {
    guard rename(path, fresh) == 0 else {
      logger.warning("\(Files.fail("\(path) cannot be renamed").message)")
      return
    }
    do {
      try await runtime.reopenLog(id)
      rotations.increment()
    } catch {
      // The runtime writes on into the renamed file. Back, so that readers find it.
      if !Files.exists(path) { rename(fresh, path) }
      logger.warning("a log was not turned over: \(error)", metadata: ["container": "\(id)"])
    }
  }
}
