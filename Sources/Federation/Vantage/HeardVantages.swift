import KubeClient
import KubeModel
import Primitives
import Synchronization

/// When every vantage's newest report was received here: their age is counted from then.
final class HeardVantages: Sendable {
  private let times: Mutex<[String: (version: String, at: MonotonicTime)]> = Mutex([:])

  func note(_ object: KubeObject, at time: MonotonicTime) {
    times.withLock { times in
      guard times[object.name]?.version != object.resourceVersion else { return }
      times[object.name] = (object.resourceVersion, time)
    }
  }

  func forget(_ name: String) { times.withLock { _ = $0.removeValue(forKey: name) } }

  func all(_ objects: [KubeObject], cluster: String, _ now: MonotonicTime) -> [HeardVantage] {
    times.withLock { times in
      objects.filter { $0.spec["cluster"].string == cluster }.map { object in
        HeardVantage(object, heardAgo: times[object.name].map { now - $0.at } ?? .zero)
      }
    }
  }
}
