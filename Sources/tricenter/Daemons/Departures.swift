import Federation
import ServiceProxy
import Site
import Synchronization

/// The center that an activation leaves while this process watches, and nil some time later: what proxies and name servers go by until the
/// slices follow.
enum Departures {
  /// The new center's controllers have deleted the pods of the old one long before.
  static let last: Duration = .seconds(30)

  static func of(_ observer: ActivationObserver, site: Site) -> AsyncStream<Departure?> {
    let views: AsyncStream<ActivationView> = observer.views()
    return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let task = Task {
        var known: ActivationRecord?
        var end: Task<Void, Never>?
        for await view in views {
          guard let record: ActivationRecord = view.record, record.epoch != known?.epoch else { continue }
          defer { known = record }
          guard let before: ActivationRecord = known else { continue }
          end?.cancel()
          let hosts: [Host] = site.center(before.center)?.hosts ?? []
          let left = Departure(center: before.center.value, hosts: Set(hosts.map(\.address.description)))
          continuation.yield(before.center == record.center ? nil : left)
          end = Task {
            try? await Task.sleep(for: last)
            if !Task.isCancelled { continuation.yield(nil) }
          }
        }
        end?.cancel()
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }
}

/// The last departure, for who asks at every question.
final class LeftCenter: Sendable {
  private let state: Mutex<String?> = Mutex(nil)
  var center: String? { state.withLock { $0 } }
  func follow(_ departures: AsyncStream<Departure?>) async {
    for await departure in departures { state.withLock { $0 = departure?.center } }
  }
}
