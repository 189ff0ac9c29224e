import KubeModel
import Synchronization

/// How many requests and watches are under way; more are turned away with 429.
final class Admittance: Sendable {
  enum Pass: Sendable { case request, watch }
  private let requests = Atomic<Int>(0)
  private let watches = Atomic<Int>(0)
  private let limits: APIServerLimits

  init(limits: APIServerLimits) { self.limits = limits }

  func enter(isWatch: Bool) throws -> Pass {
    if isWatch {
      guard watches.wrappingAdd(1, ordering: .relaxed).newValue <= limits.watchers else {
        watches.wrappingSubtract(1, ordering: .relaxed)
        throw KubeStatus.tooManyRequests("this apiserver serves \(limits.watchers) watches already, please try again later")
      }
      return .watch
    }
    guard requests.wrappingAdd(1, ordering: .relaxed).newValue <= limits.requestsInFlight else {
      requests.wrappingSubtract(1, ordering: .relaxed)
      throw KubeStatus.tooManyRequests("Too many requests, please try again later.")
    }
    return .request
  }

  func leave(_ pass: Pass) {
    switch pass {
    case .request: requests.wrappingSubtract(1, ordering: .relaxed)
    case .watch: watches.wrappingSubtract(1, ordering: .relaxed)
    }
  }
}
