import Glibc
import Keyspace
import Primitives

/// Space given back on request (etcd's `Defragment`).
extension MemberCore {
  func reclaim(_ completion: @escaping (Result<Void, KeyspaceError>) -> Void) {
    if let failure { return completion(.failure(failure)) }
    reclaims.append { [unowned self] in
      Self.returnFreePages()
      if let failure = self.failure { completion(.failure(failure)) } else { completion(.success(())) }
    }
    takeSnapshot(after: 1)
    // Nothing was applied since the last snapshot: there is nothing to wait for.
    if !isTakingSnapshot { endReclaims() }
  }

  /// glibc's `malloc_trim` (malloc.h, which Swift's Glibc leaves out): freed pages go back to the kernel, which the allocator would keep.
  private static func returnFreePages() {
    guard let symbol: UnsafeMutableRawPointer = dlsym(nil, "malloc_trim") else { return }
    let trim: @convention(c) (Int) -> Int32 = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)
    _ = trim(0)
  }

  func endReclaims() {
    let ended: [() -> Void] = reclaims
    reclaims = []
    for reclaim in ended { reclaim() }
  }
}
