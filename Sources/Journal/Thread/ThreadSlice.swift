internal import CLinux

/// How long a thread may run before others that are ready get their turn.
public enum ThreadSlice {
  /// What threads ask for that run shortly and are waited for: the kernel's smallest.
  public static let shortNanoseconds: UInt64 = 100_000
  /// For loops that also compute: a third of the default of two cores.
  public static let loopNanoseconds: UInt64 = 700_000

  /// Asks the kernel for shorter time slices of the calling thread. A thread with a short slice that wakes takes the processor from one
  /// with a long slice at once, instead of waiting for the end of the other's (Linux 6.12 and later: EEVDF, PREEMPT_SHORT); its share of
  /// the processor stays the same. Returns false where the kernel or a sandbox refuses: the thread is as it was.
  @discardableResult
  public static func request(nanoseconds: UInt64) -> Bool { tricenter_request_slice(nanoseconds) == 0 }
}
