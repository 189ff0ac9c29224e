/// Everything here that could grow, and how far it may.
public enum KubeClientLimits {
  /// Objects asked for per page of a list. client-go's informers use 500, too: one page stays under a few MB.
  public static let listPage: Int = 500
  /// Pages followed for one list before it is given up: 10 million objects, more likely a server that repeats its token.
  public static let listPages: Int = 20_000
  /// Bytes of one response that is not a watch. A page of 500 objects of 64 KiB fits.
  public static let responseBytes: Int = 64 << 20
  /// Bytes of one watch event. An object is at most 1.5 MB in etcd's default; JSON around it and managed fields fit twice.
  public static let eventBytes: Int = 8 << 20
  /// Times that one call follows the server's `Retry-After`.
  public static let throttledRetries: Int = 5
  /// The longest `Retry-After` that is followed; the caller gets the error for longer ones.
  public static let longestRetryAfterSeconds: Int64 = 10
  /// Keys that may wait in one work queue. Reached only when nobody works on it.
  public static let queuedKeys: Int = 1_000_000
  /// Events waiting to be sent by one recorder; what comes beyond is dropped and counted.
  public static let queuedEvents: Int = 1_000
  /// Different events that a recorder remembers in order to count repetitions (client-go's correlator: 4096).
  public static let rememberedEvents: Int = 4_096
  /// Bytes of an event's message (the API's own limit is 1,024).
  public static let eventMessageBytes: Int = 1_024

  static func assertRelations() {
    precondition(listPage > 0 && listPages > 0 && eventBytes < responseBytes)
    precondition(queuedEvents <= rememberedEvents)
  }
}
