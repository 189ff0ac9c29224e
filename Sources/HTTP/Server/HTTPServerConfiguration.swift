import Logging
import NIOCore
import NIOPosix

public struct HTTPServerConfiguration: Sendable {
  public enum Address: Sendable {
    /// A host name or address, and a port; 0 takes any free one.
    case host(String, port: Int)
    /// A socket file; one that a dead process left behind is replaced.
    case unix(path: String)
  }
  public var address: Address
  public var limits: HTTPLimits
  /// Event loops for this listener's connections. Give one loop where handlers share it with what they serve (`Store`).
  public var group: any EventLoopGroup
  public var logger: Logger
  /// Time that requests under way get at `shutdown`.
  public var grace: Duration

  public init(
    address: Address, limits: HTTPLimits = HTTPLimits(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    logger: Logger = Logger(label: "http.server"), grace: Duration = .seconds(5)
  ) {
    self.address = address
    self.limits = limits
    self.group = group
    self.logger = logger
    self.grace = grace
  }
}
