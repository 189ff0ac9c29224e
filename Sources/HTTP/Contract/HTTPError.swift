import Primitives

public enum HTTPDomain: FaultDomain { public static let name = "http" }
public typealias HTTPError = Fault<HTTPDomain>

extension Fault<HTTPDomain>.Code {
  public static let bodyTooLarge = Self("bodyTooLarge")
  /// No connection could be made: nobody listens, name unknown, TLS refused. The request was not sent.
  public static let connectFailed = Self("connectFailed")
  /// The connection or stream broke while a request was under way; it may have been carried out.
  public static let connectionLost = Self("connectionLost")
  /// The listener's address is taken, not ours, or not allowed.
  public static let bindFailed = Self("bindFailed")
  public static let timeout = Self("timeout")
  /// The peer broke the protocol.
  public static let protocolViolation = Self("protocolViolation")
  public static let tooManyRequests = Self("tooManyRequests")
  public static let cancelled = Self("cancelled")
}
