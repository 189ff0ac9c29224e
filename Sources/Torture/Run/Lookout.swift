import Histories
import Primitives
import Synchronization

/// Asks every member who leads, several times a second.
final class Lookout: Sendable {
  private struct Seen: Sendable {
    var status: MemberAPI.Status?
  }
  private let seen: Mutex<[Seen]> = Mutex(TortureLayout.members.map { _ in Seen() })
  private let apis: [MemberAPI]
  private let recorder: Recorder

  init(apis: [MemberAPI], recorder: Recorder) {
    self.apis = apis
    self.recorder = recorder
  }

  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for api in apis {
        group.addTask {
          while !Task.isCancelled {
            let status: MemberAPI.Status? = try? await api.status()
            if let status { self.recorder.note(term: status.term) }
            self.seen.withLock { $0[api.member].status = status }
            try? await Task.sleep(for: .milliseconds(250))
          }
        }
      }
    }
  }

  /// Of the members that say they lead the one with the highest term.
  var leader: Int? {
    seen.withLock { seen in
      seen.indices.filter { seen[$0].status?.isLeader == true }.max { (seen[$0].status?.term ?? 0) < (seen[$1].status?.term ?? 0) }
    }
  }
}
