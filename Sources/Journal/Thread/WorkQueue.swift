import Glibc

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
    pthread_cond_init(condition, nil)
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

  /// Everything queued; with `wait`, once there is something. nil when closed and empty.
  func take(wait: Bool) -> [Item]? {
    locked {
      while wait, items.isEmpty, !isClosed { pthread_cond_wait(condition, mutex) }
      if items.isEmpty, isClosed { return nil }
      defer { items = [] }
      return items
    }
  }
}
