import Primitives

/// Decides what an informer does next: list, watch, wait. Pure; `Informer` carries it out.
///
///     list ──listed──▶ watch ──events, bookmarks──▶ watch
///      ▲                 │ ended or broke: from the last revision, after a pause
///      └──410 Gone ◀─────┘
struct InformerFlow: Sendable {
  enum Directive: Hashable, Sendable {
    case list
    case watch(resourceVersion: String)
    /// Pause, then call `next()` again.
    case wait(Duration)
  }

  private(set) var resourceVersion: String = ""
  private var mustList: Bool = true
  private var pause: Duration?
  private var backoff: Backoff

  init(seed: UInt64, first: Duration, longest: Duration) {
    backoff = Backoff(first: first, longest: longest, seed: seed)
  }

  mutating func next() -> Directive {
    if let pause {
      self.pause = nil
      return .wait(pause)
    }
    return mustList ? .list : .watch(resourceVersion: resourceVersion)
  }

  mutating func onListed(resourceVersion: String) {
    self.resourceVersion = resourceVersion
    mustList = false
  }

  mutating func onFailed(_ error: KubeError) {
    // Anything that is not a passing trouble of the way means that the place in the history cannot be trusted any more.
    if !error.isTransient { mustList = true }
    pause = backoff.next()
    if error.code == .gone { pause = nil }
  }

  mutating func onEvent(resourceVersion: String) {
    self.resourceVersion = resourceVersion
    backoff.reset()
  }

  /// The server ended the watch as it does after some minutes. One that lived for less than a second ends the same way on a
  /// broken server: it is slowed down.
  mutating func onEnded(lived: Duration) {
    if lived < .seconds(1) { pause = backoff.next() } else { backoff.reset() }
  }
}
