import Logging
import Primitives

/// Runs daemons side by side. The first that ends ends all: whoever supervises the process starts it again.
func runTogether(_ daemons: [Daemon], host: HostName) async throws {
  let logger = Logger(label: "daemons")
  try await withThrowingTaskGroup(of: String.self) { group in
    for (name, body) in daemons {
      group.addTask {
        do {
          try await body()
        } catch is CancellationError {
          throw CancellationError()
        } catch {
          logger.error("\(name) ended: \(error)", metadata: ["host": "\(host)"])
          throw error
        }
        return name
      }
    }
    defer { group.cancelAll() }
    if let ended: String = try await group.next() {
      try Task.checkCancellation()
      throw ValidationFault("The daemon \(ended) of \(host) ended by itself.")
    }
  }
}

/// A sentence for people.
struct ValidationFault: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
