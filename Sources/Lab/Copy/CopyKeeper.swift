import Glibc
import Logging
import Primitives

/// Takes a fenced copy away when its lease is over: a process that needs nobody. Where it is dead, too, the copy's hosts still end by
/// themselves
/// (`HostInit`), and the next `lab down` or the next copy takes the rest away.
public struct CopyKeeper: Sendable {
  private let directory: LabDirectory
  private let logger: Logger

  public init(directory: LabDirectory, logger: Logger) {
    self.directory = directory
    self.logger = logger
  }

  /// Until there is no copy.
  public func run() async throws {
    let clock = SystemClock()
    while directory.copy.isCopy {
      if CopyLease(directory.copy).isOver(clock.now()) {
        do {
          try await Lab.endCopy(directory: directory) { logger.info("\($0)") }
          logger.notice("the copy's lease is over, it is gone")
        } catch {
          logger.error("the copy cannot be taken away, trying again", metadata: ["reason": "\(error)"])
          try await Task.sleep(for: .milliseconds(500))
        }
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}
