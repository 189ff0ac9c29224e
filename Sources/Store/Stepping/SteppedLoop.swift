import Dispatch
import NIOCore

/// An event loop that runs what it was given when it is told to, on whichever thread that is. It knows no time: a stepped member is
/// ticked.
///
/// `@unchecked Sendable`: a loop belongs to one `SteppedMember`, which is no `Sendable`: whoever holds it is the only one to touch it.
final class SteppedLoop: EventLoop, @unchecked Sendable {
  private var tasks: [@Sendable () -> Void] = []

  var inEventLoop: Bool { true }

  func execute(_ task: @escaping @Sendable () -> Void) { tasks.append(task) }

  /// Runs what waits, and what that brings.
  func run() {
    while !tasks.isEmpty {
      let due: [@Sendable () -> Void] = tasks
      tasks.removeAll(keepingCapacity: true)
      for task in due { task() }
    }
  }

  func clear() { tasks = [] }

  func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
    preconditionFailure("a stepped member has no clock of its own: tick it")
  }
  func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
    preconditionFailure("a stepped member has no clock of its own: tick it")
  }
  func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
    queue.async { callback(nil) }
  }
}
