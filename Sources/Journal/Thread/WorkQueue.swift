import Glibc
import Primitives

/// What the journal's thread takes its work from: a mutex and a condition variable.
///
/// `@unchecked Sendable`: `items`, `isClosed` and the two pthread objects live on the heap at fixed addresses and are only touched
/// with `mutex` held (the pthread objects are made for that); `deinit` runs when no thread has a reference.
final class WorkQueue<Item>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
  private let condition: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
  private var items: [Item] = []
  private var isClosed: Bool = false

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// False when the queue is closed or holds `limit` items.
  func add(_ item: Item, limit: Int) -> Bool {
    locked {
      guard !isClosed, items.count < limit else { return false }
      items.append(item)
      if items.count == 1 { pthread_cond_signal(condition) }
      return true
    }
  }

  func close() {
    locked {
      isClosed = true
      pthread_cond_signal(condition)
    }
  }

  enum Wait: Sendable {
    case no
    case untilWork
    case atMost(Duration)
  }

  var isEmpty: Bool { locked { items.isEmpty } }

  /// Everything queued, perhaps nothing unless told to wait until there is something. nil when closed and empty.
  func take(_ wait: Wait) -> [Item]? {
    locked {
      switch wait {
      case .no: break
      case .untilWork: while items.isEmpty, !isClosed { pthread_cond_wait(condition, mutex) }
      case .atMost(let duration):
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let nanoseconds: Int = until.tv_nsec + Int(duration.inNanoseconds)
        until.tv_sec += nanoseconds / 1_000_000_000
        until.tv_nsec = nanoseconds % 1_000_000_000
        while items.isEmpty, !isClosed { if pthread_cond_timedwait(condition, mutex, &until) != 0 { break } }
      }
      if items.isEmpty, isClosed { return nil }
      defer { items = [] }
      return items
    }
  }
}
