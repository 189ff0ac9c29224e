import NIOCore

/// A timer that is moved often and fires seldom: moving it costs an assignment, the scheduled task looks again when it wakes.
final class Deadline {
  private let eventLoop: any EventLoop
  private var at: NIODeadline?
  private var reason: String?
  private var scheduled: Scheduled<Void>?
  private var scheduledFor: NIODeadline = .distantFuture
  private var expiry: ((String?) -> Void)?

  init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func onExpiry(_ expiry: @escaping (String?) -> Void) { self.expiry = expiry }

  func set(_ after: Duration, _ reason: @autoclosure () -> String?) {
    let at: NIODeadline = eventLoop.now + .nanoseconds(after.nioNanoseconds)
    self.at = at
    self.reason = reason()
    if scheduled == nil || at < scheduledFor { schedule(at) }
  }

  private func schedule(_ at: NIODeadline) {
    scheduled?.cancel()
    scheduledFor = at
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    scheduled = eventLoop.scheduleTask(deadline: at) { bound.value.woke() }
  }

  private func woke() {
    scheduled = nil
    guard let at else { return }
    if at > eventLoop.now { return schedule(at) }
    self.at = nil
    expiry?(reason)
  }

  /// Stands still until set again.
  func cancel() { at = nil }

  /// For good: lets go of the timer and of whom it tells.
  func end() {
    at = nil
    scheduled?.cancel()
    scheduled = nil
    expiry = nil
  }
}
